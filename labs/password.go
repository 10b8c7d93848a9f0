package labs

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

const (
	minPassword = 10   // characters
	maxPassword = 1024 // bytes, so that nobody has us hash a film
)

// cost is what argon2id spends on one password. It is stored with each hash, so
// that it can be raised later.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// ourCost is twice what OWASP's Password Storage Cheat Sheet asks for at least
// (m=46 MiB, t=1, p=1), and takes about a tenth of a second.
var ourCost = cost{memory: 64 << 10, passes: 2, threads: 1}

const (
	saltLength = 16 // bytes
	hashLength = 32 // bytes
)

// passwords hashes and checks passwords, only a few at a time: each takes the
// memory of ourCost, and a class logs in at once.
type passwords struct {
	slots chan struct{}
	decoy string // what no password matches, at the same cost as any other
}

func newPasswords() *passwords {
	salt, key := make([]byte, saltLength), make([]byte, hashLength)
	rand.Read(salt) // never fails
	rand.Read(key)
	return &passwords{
		slots: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		decoy: encodeHash(ourCost, salt, key),
	}
}

// checkPassword holds the rule for new passwords: length is what counts.
func checkPassword(name, password string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return invalid("The password needs at least 10 characters. A few words in a row are easy to remember.")
	case len(password) > maxPassword:
		return invalid("The password may have at most 1024 bytes.")
	case !utf8.ValidString(password):
		return invalid("The password has to be text in UTF-8.")
	case NameKey(password) == NameKey(name):
		return invalid("The password must not be the name.")
	}
	return nil
}

// hash returns password in PHC form. It waits for its turn, and then takes about
// a tenth of a second.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails
	key, err := p.key(ctx, ourCost, salt, password, hashLength)
	if err != nil {
		return "", err
	}
	return encodeHash(ourCost, salt, key), nil
}

// match tells whether password is what hash was made of. An empty hash, of a
// user without a password or of no user at all, matches nothing, after the same
// time.
func (p *passwords) match(ctx context.Context, hash, password string) (bool, error) {
	if hash == "" {
		hash = p.decoy
	}
	cost, salt, want, err := decodeHash(hash)
	if err != nil {
		return false, err
	}
	if len(password) > maxPassword {
		password = "" // too short for anyone: it takes the usual time and matches nothing
	}
	got, err := p.key(ctx, cost, salt, password, len(want))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (p *passwords) key(ctx context.Context, cost cost, salt []byte, password string, length int) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, cost.passes, cost.memory, cost.threads, uint32(length)), nil
}

// encodeHash writes the PHC string format of github.com/P-H-C/phc-string-format.
func encodeHash(cost cost, salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, cost.memory, cost.passes, cost.threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

var errHash = errors.New("the stored password hash is not argon2id in PHC form")

func decodeHash(hash string) (cost cost, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return cost, nil, nil, errHash
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &cost.memory, &cost.passes, &cost.threads); err != nil || n != 3 || cost.passes == 0 || cost.threads == 0 {
		return cost, nil, nil, errHash
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(key) == 0 {
		return cost, nil, nil, errHash
	}
	return cost, salt, key, nil
}
