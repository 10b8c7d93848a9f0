package labs

import (
	"context"
	"sync"
	"time"
)

// wrongLogin is the same for an unknown name and for a wrong password, so that it
// tells nobody which names exist.
const wrongLogin = "The name or the password is wrong."

const loginFirst = "Log in first."

// Login checks the password and starts a log-in. An unknown name and a wrong
// password give the same error, CodeUnauthorized, after the same time.
func (s *Service) Login(ctx context.Context, name, password string) (token string, user *User, err error) {
	user, err = s.stores.Users.ByName(ctx, name)
	if err != nil && CodeOf(err) != CodeNotFound {
		return "", nil, err
	}
	var hash string
	if user != nil {
		hash = user.PasswordHash
	}
	matches, err := s.passwords.match(ctx, hash, password)
	if err != nil {
		return "", nil, err
	}
	if !matches {
		return "", nil, &Error{Code: CodeUnauthorized, Message: wrongLogin}
	}
	return s.logIn(ctx, user)
}

// logIn starts a log-in of someone who has proved who they are.
func (s *Service) logIn(ctx context.Context, user *User) (string, *User, error) {
	token, hash := newSecret()
	now := now()
	login := &Login{TokenHash: hash, UserID: user.ID, CreatedAt: now, ExpiresAt: now.Add(s.limits.Login)}
	if err := s.stores.Logins.Save(ctx, login); err != nil {
		return "", nil, err
	}
	return token, user, nil
}

// Logout ends the log-in and everything that watches it (Revoked). An unknown
// token is no error.
func (s *Service) Logout(ctx context.Context, token string) error {
	hash := hashSecret(token)
	err := s.stores.Logins.Delete(ctx, hash)
	if err == nil {
		s.revocations.revoke(hash)
	}
	return err
}

// Authenticate returns whose token it is: CodeUnauthorized for one that is
// unknown, expired or logged out.
func (s *Service) Authenticate(ctx context.Context, token string) (*User, error) {
	_, user, err := s.authenticate(ctx, token)
	return user, err
}

func (s *Service) authenticate(ctx context.Context, token string) (*Login, *User, error) {
	if token == "" {
		return nil, nil, &Error{Code: CodeUnauthorized, Message: loginFirst}
	}
	login, err := s.stores.Logins.Get(ctx, hashSecret(token), now())
	if err != nil {
		return nil, nil, loginError(err)
	}
	user, err := s.stores.Users.Get(ctx, login.UserID)
	if err != nil {
		return nil, nil, loginError(err)
	}
	return login, user, nil
}

func loginError(err error) error {
	if CodeOf(err) == CodeNotFound {
		return &Error{Code: CodeUnauthorized, Message: "You are logged out. Log in again.", Err: err}
	}
	return err
}

// Revoked returns a channel that is closed as soon as the log-in ends, by log-out
// or expiry: whoever holds a socket for it has to close that then. It fails like
// Authenticate. The caller calls cancel when it no longer listens.
func (s *Service) Revoked(ctx context.Context, token string) (revoked <-chan struct{}, cancel func(), err error) {
	// Watching begins before the look at the store: a log-out in between is seen.
	watch := s.revocations.watch(hashSecret(token))
	login, _, err := s.authenticate(ctx, token)
	if err != nil {
		watch.cancel()
		return nil, nil, err
	}
	watch.expireIn(time.Until(login.ExpiresAt))
	return watch.revoked, watch.cancel, nil
}

// revocations tell those who watch a log-in that it has ended.
type revocations struct {
	mu      sync.Mutex
	watches map[string]map[*loginWatch]bool // by hash of the token
}

type loginWatch struct {
	revoked chan struct{} // closed on revocation
	once    sync.Once
	timer   *time.Timer // set by expireIn
	cancel  func()
}

func (r *revocations) watch(tokenHash []byte) *loginWatch {
	key := string(tokenHash)
	watch := &loginWatch{revoked: make(chan struct{})}
	watch.cancel = func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if watch.timer != nil {
			watch.timer.Stop()
		}
		delete(r.watches[key], watch)
		if len(r.watches[key]) == 0 {
			delete(r.watches, key)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watches == nil {
		r.watches = map[string]map[*loginWatch]bool{}
	}
	if r.watches[key] == nil {
		r.watches[key] = map[*loginWatch]bool{}
	}
	r.watches[key][watch] = true
	return watch
}

func (r *revocations) revoke(tokenHash []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for watch := range r.watches[string(tokenHash)] {
		watch.end()
	}
}

func (w *loginWatch) end() { w.once.Do(func() { close(w.revoked) }) }

// expireIn is called before anyone else knows the watch's cancel.
func (w *loginWatch) expireIn(d time.Duration) { w.timer = time.AfterFunc(d, w.end) }
