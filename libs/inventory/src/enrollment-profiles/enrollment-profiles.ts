import { AppError, notFound, raise } from '@certferry/core';
import { isDuplicateKey, listPage, type Database, type Page, type PageQuery } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';
import type { EnrollmentProfile } from './enrollment-profile.ts';

const schema = new mongoose.Schema<EnrollmentProfile>(
  {
    _id: String,
    name: String,
    format: String,
    fieldMappings: { type: [Object], default: undefined },
    targetStoreIds: { type: [String], default: undefined },
    createdAt: Date,
  },
  { versionKey: false, minimize: false },
);
schema.index({ name: 1 }, { unique: true });

/** The enrollment profiles' collection. */
export class EnrollmentProfiles {
  readonly #model: Model<EnrollmentProfile>;

  constructor(database: Database) {
    this.#model = database.model<EnrollmentProfile>('enrollment_profiles', schema);
  }

  /** ALREADY_EXISTS PROFILE_NAME_TAKEN for a name that another has. */
  async insert(profile: EnrollmentProfile): Promise<void> {
    await this.#model.create(profile).catch((error: unknown) => {
      if (!isDuplicateKey(error)) throw error;
      const message = `There is an enrollment profile named "${profile.name}" already.`;
      throw new AppError({ code: 'ALREADY_EXISTS', reason: 'PROFILE_NAME_TAKEN', message });
    });
  }

  async find(id: string): Promise<EnrollmentProfile | undefined> {
    return ((await this.#model.findById(id).lean()) as EnrollmentProfile | null) ?? undefined;
  }

  /** NOT_FOUND ENROLLMENT_PROFILE_NOT_FOUND when there is none. */
  async get(id: string): Promise<EnrollmentProfile> {
    return (await this.find(id)) ?? raise(notFound('enrollment profile', id));
  }

  /** By name. */
  async list(page: PageQuery): Promise<Page<EnrollmentProfile>> {
    return await listPage(this.#model, { filter: [], sort: { name: 'name', path: 'name', direction: 1 } }, page);
  }

  /** False when there was none. */
  async delete(id: string): Promise<boolean> {
    return (await this.#model.deleteOne({ _id: id })).deletedCount === 1;
  }
}
