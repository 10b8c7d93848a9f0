package labs

import "context"

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
	matches, err := s.people.passwords.match(ctx, hash, password)
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
	token, login := s.newLogin(user)
	if err := s.stores.Logins.Save(ctx, login); err != nil {
		return "", nil, err
	}
	return token, user, nil
}

// newLogin returns a log-in that is not stored yet, and its token.
func (s *Service) newLogin(user *User) (token string, login *Login) {
	token, hash := newSecret()
	now := now()
	return token, &Login{TokenHash: hash, UserID: user.ID, CreatedAt: now, ExpiresAt: now.Add(s.limits.Login)}
}

// Logout ends the log-in. An unknown token is no error. Whoever holds something
// long-lived for a log-in looks again at whether it still is one (Authenticate):
// that sees an expiry and a change of role too, which are not announced.
func (s *Service) Logout(ctx context.Context, token string) error {
	return s.stores.Logins.Delete(ctx, hashSecret(token))
}

// Authenticate returns whose token it is: CodeUnauthorized for one that is
// unknown, expired or logged out.
func (s *Service) Authenticate(ctx context.Context, token string) (*User, error) {
	if token == "" {
		return nil, &Error{Code: CodeUnauthorized, Message: loginFirst}
	}
	login, err := s.stores.Logins.Get(ctx, hashSecret(token), now())
	if err != nil {
		return nil, loginError(err)
	}
	user, err := s.stores.Users.Get(ctx, login.UserID)
	if err != nil {
		return nil, loginError(err)
	}
	return user, nil
}

func loginError(err error) error {
	if CodeOf(err) == CodeNotFound {
		return &Error{Code: CodeUnauthorized, Message: "You are logged out. Log in again.", Err: err}
	}
	return err
}
