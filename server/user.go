package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"wheelhouse/labs"
)

type meJSON struct {
	Mode      Mode      `json:"mode"`
	Version   string    `json:"version"`
	User      *userJSON `json:"user"`      // null without a log-in
	Bootstrap bool      `json:"bootstrap"` // there is no instructor yet
}

type userJSON struct {
	ID   string    `json:"id"`
	Name string    `json:"name"`
	Role labs.Role `json:"role"`
}

// me answers what the page needs to know of itself and of who looks at it.
func (s *Server) me(c *gin.Context, user *labs.User) error {
	me := meJSON{Mode: s.mode, Version: s.version}
	if user != nil {
		me.User = &userJSON{ID: user.ID, Name: user.Name, Role: user.Role}
	} else if s.mode == Serve {
		var err error
		if me.Bootstrap, err = s.labs.NeedsInstructor(c.Request.Context()); err != nil {
			return err
		}
	}
	c.JSON(http.StatusOK, me)
	return nil
}

func (s *Server) getMe(c *gin.Context) error { return s.me(c, userOf(c)) }

func (s *Server) postLogin(c *gin.Context) error {
	var in struct{ Name, Password string }
	if err := decode(c, &in); err != nil {
		return err
	}
	right, err := s.attemptLogin(c, in.Name)
	if err != nil {
		return err
	}
	token, user, err := s.labs.Login(c.Request.Context(), in.Name, in.Password)
	if err != nil {
		return err
	}
	right()
	s.loggedIn(c, token, user)
	return s.me(c, user)
}

// postLoginLink logs in by a one-time link. The link of an instructor who has no
// account yet starts no log-in: the answer's user is null and its bootstrap true, and the
// page goes on to ask for a name and a password.
func (s *Server) postLoginLink(c *gin.Context) error {
	var in struct{ Secret string }
	if err := decode(c, &in); err != nil {
		return err
	}
	token, user, err := s.labs.TakeLink(c.Request.Context(), in.Secret)
	if err != nil {
		return err
	}
	if user == nil {
		c.JSON(http.StatusOK, meJSON{Mode: s.mode, Version: s.version, Bootstrap: true})
		return nil
	}
	s.loggedIn(c, token, user)
	return s.me(c, user)
}

// postLogout ends the log-in and, at once, every socket that hangs on it.
func (s *Server) postLogout(c *gin.Context) error {
	if token := tokenOf(c); token != "" {
		if err := s.labs.Logout(c.Request.Context(), token); err != nil {
			return err
		}
		s.guard.drop(token)
	}
	s.setLogin(c, "")
	c.Status(http.StatusNoContent)
	return nil
}

// postJoin puts whoever is logged in into a class, or makes a student account
// first where there is no log-in.
func (s *Server) postJoin(c *gin.Context) error {
	var in struct{ Code, Name, Password string }
	if err := decode(c, &in); err != nil {
		return err
	}
	right, err := s.attemptCode(c)
	if err != nil {
		return err
	}
	class, err := s.labs.ClassOfCode(c.Request.Context(), in.Code)
	if err != nil {
		return err
	}
	right()
	newcomer := userOf(c) == nil
	if newcomer {
		if wait := s.limits.accounts.take(class); wait > 0 {
			return limited(wait, "Very many accounts were made with this class code. Wait a moment, then try again; your instructor can look who joined, and give the class a new code.")
		}
	}
	token, user, err := s.labs.Join(c.Request.Context(), userOf(c), in.Code, in.Name, in.Password)
	if err != nil {
		if newcomer {
			s.limits.accounts.give(class) // none was made
		}
		return err
	}
	if token != "" {
		s.loggedIn(c, token, user)
	}
	return s.me(c, user)
}

func (s *Server) postBootstrap(c *gin.Context) error {
	var in struct{ Secret, Name, Password string }
	if err := decode(c, &in); err != nil {
		return err
	}
	token, user, err := s.labs.Bootstrap(c.Request.Context(), in.Secret, in.Name, in.Password)
	if err != nil {
		return err
	}
	s.loggedIn(c, token, user)
	return s.me(c, user)
}
