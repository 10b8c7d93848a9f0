package server

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"wheelhouse/labs"
)

// cookieAge is how long a browser keeps its log-in. The log-in itself may end
// before; that is for package labs to say.
const cookieAge = 30 * 24 * time.Hour

const (
	userKey  = "wheelhouse/user"
	tokenKey = "wheelhouse/token"
)

// cookieName carries the __Host- prefix wherever the browser allows it: with
// it, no other host, and no page without TLS, can set or shadow the cookie.
func (o *origins) cookieName() string {
	if o.secure {
		return "__Host-wheelhouse"
	}
	return "wheelhouse"
}

// setLogin hands token to the browser; an empty one takes it away.
func (s *Server) setLogin(c *gin.Context, token string) {
	cookie := &http.Cookie{
		Name:     s.origins.cookieName(),
		Value:    token,
		Path:     "/",
		MaxAge:   int(cookieAge / time.Second),
		Secure:   s.origins.secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
	if token == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Writer, cookie)
}

// authenticate finds out who asks, and refuses who may not. Every route says
// which access it needs, so that none is open by omission.
func (s *Server) authenticate(need access) gin.HandlerFunc {
	return func(c *gin.Context) {
		if need == public {
			return
		}
		user, err := s.identify(c)
		switch {
		case err != nil:
			s.fail(c, err)
		case need == anyone:
		case user == nil:
			s.fail(c, &labs.Error{Code: labs.CodeUnauthorized, Message: "You are not logged in, or your log-in has ended. Log in, then try again."})
		case need == instructor && user.Role != labs.Instructor:
			s.fail(c, &labs.Error{Code: labs.CodeForbidden, Message: "Only an instructor may do this."})
		}
	}
}

// identify looks up the cookie's user and keeps both for the handler; nil
// without an error where there is no valid log-in.
func (s *Server) identify(c *gin.Context) (*labs.User, error) {
	cookie, err := c.Request.Cookie(s.origins.cookieName())
	if err != nil || cookie.Value == "" {
		return nil, nil
	}
	user, err := s.labs.Authenticate(c, cookie.Value)
	if labs.CodeOf(err) == labs.CodeUnauthorized {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if wait := s.limits.user.take(user.ID); wait > 0 {
		return nil, limited(wait, "Your pages send too many requests. Close some tabs, then try again.")
	}
	c.Set(userKey, user)
	c.Set(tokenKey, cookie.Value)
	return user, nil
}

// userOf is who asks: nil without a log-in.
func userOf(c *gin.Context) *labs.User {
	user, _ := c.Get(userKey)
	u, _ := user.(*labs.User)
	return u
}

func tokenOf(c *gin.Context) string { return c.GetString(tokenKey) }
