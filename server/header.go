package server

import (
	"strings"

	"github.com/gin-gonic/gin"
)

// securityHeaders go out with every answer of our own origin. Styles may be
// inline because xterm.js writes its theme into style elements; scripts may not.
func (s *Server) securityHeaders() gin.HandlerFunc {
	socket := strings.Replace(s.origins.public, "http", "ws", 1)
	policy := strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self' 'unsafe-inline'",
		"img-src 'self' data:",
		"font-src 'self' data:",
		"connect-src 'self' " + socket,
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	}, "; ")
	secure := s.origins.secure
	return func(c *gin.Context) {
		h := c.Writer.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if isAPI(c.Request) {
			h.Set("Cache-Control", "no-store")
		}
	}
}
