package labs

import "context"

const wrongLink = "This link has been used or is too old. Ask for a new one: restarting Wheelhouse prints one."

// TakeLink uses up a one-time link and logs its user in. The link of an instructor
// who has no account yet is not used up and logs nobody in: user is nil then, and the
// page has to ask for a name and a password for Bootstrap.
func (s *Service) TakeLink(ctx context.Context, secret string) (token string, user *User, err error) {
	hash := hashSecret(secret)
	link, err := s.stores.Links.Get(ctx, hash, now())
	if err != nil {
		return "", nil, linkError(err)
	}
	if link.UserID == "" && link.Invites {
		return "", nil, nil
	}
	if link.UserID == "" {
		return "", nil, s.mayBootstrap(ctx)
	}
	if link, err = s.stores.Links.Take(ctx, hash, now()); err != nil {
		return "", nil, linkError(err)
	}
	if user, err = s.stores.Users.Get(ctx, link.UserID); err != nil {
		return "", nil, linkError(err)
	}
	return s.logIn(ctx, user)
}

func linkError(err error) error {
	if CodeOf(err) == CodeNotFound {
		return &Error{Code: CodeUnauthorized, Message: wrongLink, Err: err}
	}
	return err
}

// newLink stores a one-time link for userID, or for the first instructor where
// that is empty.
func (s *Service) newLink(ctx context.Context, userID string) (secret string, err error) {
	return saveLink(ctx, s.stores.Links, &Link{UserID: userID, ExpiresAt: now().Add(s.limits.Link)})
}

// saveLink stores a link under a new secret.
func saveLink(ctx context.Context, links Links, link *Link) (secret string, err error) {
	secret, link.TokenHash = newSecret()
	if err := links.Save(ctx, link); err != nil {
		return "", err
	}
	return secret, nil
}

// NeedsInstructor tells whether there is no instructor yet.
func (s *Service) NeedsInstructor(ctx context.Context) (bool, error) {
	count, err := s.stores.Users.Count(ctx, Instructor)
	return err == nil && count == 0, err
}

// mayBootstrap is CodeConflict when there is an instructor already: older links
// for the first one are worth nothing then.
func (s *Service) mayBootstrap(ctx context.Context) error {
	needed, err := s.NeedsInstructor(ctx)
	if err == nil && !needed {
		return &Error{Code: CodeConflict, Message: "There is an instructor already. Log in with that account."}
	}
	return err
}

// BootstrapLink returns the secret of a new link with which the first instructor
// makes their account: "" when there is an instructor.
func (s *Service) BootstrapLink(ctx context.Context) (secret string, err error) {
	needed, err := s.NeedsInstructor(ctx)
	if err != nil || !needed {
		return "", err
	}
	return s.newLink(ctx, "")
}

// Bootstrap makes the first instructor, or one who was invited, and logs them in. The
// link is used up only when that worked.
func (s *Service) Bootstrap(ctx context.Context, secret, name, password string) (token string, user *User, err error) {
	// Two who hold two links at once make one instructor all the same.
	s.bootstrapping.Lock()
	defer s.bootstrapping.Unlock()

	hash := hashSecret(secret)
	link, err := s.stores.Links.Get(ctx, hash, now())
	if err != nil {
		return "", nil, linkError(err)
	}
	if link.UserID != "" {
		return "", nil, &Error{Code: CodeUnauthorized, Message: wrongLink}
	}
	if !link.Invites {
		if err := s.mayBootstrap(ctx); err != nil {
			return "", nil, err
		}
	}
	if user, err = s.createUser(ctx, Instructor, name, password); err != nil {
		return "", nil, err
	}
	if _, err := s.stores.Links.Take(ctx, hash, now()); err != nil && CodeOf(err) != CodeNotFound {
		s.logger.Warn("the used link of an instructor is still stored", "error", err)
	}
	return s.logIn(ctx, user)
}

// createUser makes an account, where name and password keep the rules.
func (s *Service) createUser(ctx context.Context, role Role, name, password string) (*User, error) {
	user, err := s.newUser(ctx, role, name, password)
	if err != nil {
		return nil, err
	}
	return user, s.stores.Users.Create(ctx, user)
}

// newUser returns an account that is not stored yet, where name and password keep the
// rules.
func (s *Service) newUser(ctx context.Context, role Role, name, password string) (*User, error) {
	name, err := cleanName(name)
	if err != nil {
		return nil, err
	}
	if err := checkPassword(name, password); err != nil {
		return nil, err
	}
	hash, err := s.people.passwords.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	return &User{ID: newID("u_"), Name: name, Role: role, PasswordHash: hash, CreatedAt: now()}, nil
}

// LearnerLink returns the secret of a new one-time link that logs in as the one
// learner of "wheelhouse learn", who is made on first use and has no password.
func (s *Service) LearnerLink(ctx context.Context) (secret string, err error) {
	learner, err := s.stores.Users.ByName(ctx, learnerName)
	if CodeOf(err) == CodeNotFound {
		learner = &User{ID: newID("u_"), Name: learnerName, Role: Student, CreatedAt: now()}
		err = s.stores.Users.Create(ctx, learner)
	}
	if err != nil {
		return "", err
	}
	return s.newLink(ctx, learner.ID)
}
