package pack

import (
	"fmt"
	"io"
	"os"
	"strings"

	"aead.dev/minisign"

	"wheelhouse/provisioner"
)

// An exported pack FILE may be signed by `minisign -S`: the signature lies beside
// it, in FILE.minisig (jedisct1.github.io/minisign, section Signature format).
const signatureSuffix = ".minisig"

// Key is a public key of minisign, which packs are signed with.
type Key struct{ public minisign.PublicKey }

// ParseKey reads a public key: the line of base64 itself, as minisign prints it, or
// the name of a file that has it.
func ParseKey(text string) (*Key, error) {
	var key Key
	line := strings.TrimSpace(text)
	if err := key.public.UnmarshalText([]byte(line)); err == nil {
		return &key, nil
	}
	inFile, err := os.ReadFile(line)
	if err != nil {
		return nil, fmt.Errorf("%q is neither a public key of minisign (RW…) nor a file with one", line)
	}
	if err := key.public.UnmarshalText(inFile); err != nil {
		return nil, fmt.Errorf("%s holds no public key of minisign: %w", line, err)
	}
	return &key, nil
}

// ID names the key for people: what `minisign` calls its key ID.
func (k *Key) ID() string { return fmt.Sprintf("%016X", k.public.ID()) }

// signedFile is an exported pack that is read and has to be signed by key.
type signedFile struct {
	*minisign.Reader // hashes what is read
	name             string
	key              *Key
	signature        []byte
}

// openSigned finds the signature of the pack in the file name, and what can be said
// against it before the pack is read.
func openSigned(name string, pack io.Reader, key *Key) (*signedFile, error) {
	refuse := func(err error, format string, args ...any) error {
		return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: fmt.Sprintf(format, args...) + " Nothing was imported."}
	}
	text, err := os.ReadFile(name + signatureSuffix)
	if err != nil {
		return nil, refuse(err, "Packs have to be signed with the key %s, and %s has no signature that can be read, %s%s. "+
			"Get it from where the pack comes from, or, if you made the pack yourself, give --allow-unsigned.", key.ID(), name, name, signatureSuffix)
	}
	var signature minisign.Signature
	if err := signature.UnmarshalText(text); err != nil {
		return nil, refuse(err, "%s%s is no signature of minisign. Get it again from where the pack comes from.", name, signatureSuffix)
	}
	if signature.KeyID != key.public.ID() {
		return nil, refuse(nil, "%s is signed with the key %016X, and has to be with %s. Get the pack from where that key comes from, or name the other key with --pack-key.",
			name, signature.KeyID, key.ID())
	}
	return &signedFile{minisign.NewReader(pack), name, key, text}, nil
}

// verify compares what was read, which is to be the whole file, with the signature.
func (s *signedFile) verify() error {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	if !s.Verify(s.key.public, s.signature) {
		return &provisioner.Error{Reason: provisioner.NoPack, Message: fmt.Sprintf(
			"%s is not what was signed with the key %s: it has been changed, or damaged on its way. Nothing was imported. Get both files again, the pack and its signature.", s.name, s.key.ID())}
	}
	return nil
}
