package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"wheelhouse/labs"
)

// A device cookie says that a browser has logged in to an account before, so that others'
// wrong passwords do not lock it out: OWASP's "Slow Down Online Guessing Attacks with
// Device Cookies". It proves nothing else: whoever has a stolen one may guess
// passwords of that account as slowly as everybody.

const (
	deviceAge    = 365 * 24 * time.Hour
	maxDevices   = 4  // accounts that one browser is remembered for
	nonceLength  = 16 // bytes
	deviceLength = nonceLength + sha256.Size
)

// devices signs device cookies.
type devices struct{ key []byte }

// newDevices signs with key, or, where that is empty, with one that ends with this process.
func newDevices(key []byte) *devices {
	if len(key) == 0 {
		key = make([]byte, 32)
		rand.Read(key) // never fails
	}
	return &devices{key: key}
}

// issue returns an entry of a cookie for a browser that has logged in as name.
func (d *devices) issue(name string) string {
	nonce := make([]byte, nonceLength)
	rand.Read(nonce) // never fails
	return base64.RawURLEncoding.EncodeToString(append(nonce, d.sign(nonce, name)...))
}

func (d *devices) sign(nonce []byte, name string) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write(nonce)
	mac.Write([]byte(labs.NameKey(name)))
	return mac.Sum(nil)
}

// find returns the entry of a cookie that was issued for name, or "".
func (d *devices) find(cookie, name string) string {
	for _, entry := range entriesOf(cookie) {
		text, err := base64.RawURLEncoding.DecodeString(entry)
		if err == nil && len(text) == deviceLength && hmac.Equal(text[nonceLength:], d.sign(text[:nonceLength], name)) {
			return entry
		}
	}
	return ""
}

func entriesOf(cookie string) []string {
	entries := strings.Split(cookie, ".")
	return entries[:min(len(entries), maxDevices)]
}

// deviceOf returns the entry by which this browser is known for name, or "".
func (s *Server) deviceOf(c *gin.Context, name string) string {
	cookie, err := c.Request.Cookie(s.origins.deviceCookie())
	if err != nil {
		return ""
	}
	return s.devices.find(cookie.Value, name)
}

// remember notes in the browser that it has logged in as user.
func (s *Server) remember(c *gin.Context, user *labs.User) {
	var value string
	if cookie, err := c.Request.Cookie(s.origins.deviceCookie()); err == nil {
		value = cookie.Value
	}
	known := s.devices.find(value, user.Name)
	entries := slices.DeleteFunc(entriesOf(value), func(entry string) bool { return entry == "" || entry == known })
	if known == "" {
		known = s.devices.issue(user.Name)
	}
	entries = append([]string{known}, entries...)
	http.SetCookie(c.Writer, &http.Cookie{
		Name:     s.origins.deviceCookie(),
		Value:    strings.Join(entries[:min(len(entries), maxDevices)], "."),
		Path:     "/",
		MaxAge:   int(deviceAge / time.Second),
		Secure:   s.origins.secure,
		HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
	})
}

func (o *origins) deviceCookie() string { return o.cookieName() + "-device" }

// loggedIn hands a log-in to the browser, and remembers it for the next time.
func (s *Server) loggedIn(c *gin.Context, token string, user *labs.User) {
	s.setLogin(c, token)
	if s.mode == Serve {
		s.remember(c, user)
	}
}
