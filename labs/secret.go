package labs

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
)

var idEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// newID returns prefix and 80 random bits. An id is no secret: whoever shows one
// has their rights checked all the same.
func newID(prefix string) string {
	bits := make([]byte, 10)
	rand.Read(bits) // never fails
	return prefix + strings.ToLower(idEncoding.EncodeToString(bits))
}

// newSecret returns a token of 256 random bits and the hash that is stored for
// it. So long a token needs no salt and no slow hash.
func newSecret() (token string, hash []byte) {
	bits := make([]byte, 32)
	rand.Read(bits) // never fails
	token = base64.RawURLEncoding.EncodeToString(bits)
	return token, hashSecret(token)
}

func hashSecret(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
