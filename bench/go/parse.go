// Certificates a second of Go's crypto/x509 with both digests, one thread, over a file of DER certificates, each behind
// its length (4 bytes, big endian). The yardstick of bench/parse.ts.
package main

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	runtime.GOMAXPROCS(1)
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var all [][]byte
	for len(data) > 0 {
		size := binary.BigEndian.Uint32(data)
		all = append(all, data[4:4+size])
		data = data[4+size:]
	}
	count, refused := 0, 0
	start := time.Now()
	for time.Since(start) < time.Second {
		for _, der := range all {
			if _, err := x509.ParseCertificate(der); err != nil {
				refused++
			}
			sha1.Sum(der)
			sha256.Sum256(der)
		}
		count += len(all)
	}
	fmt.Println(float64(count)/time.Since(start).Seconds(), refused*len(all)/count)
}
