package server

// RouteInfo is a route as it is registered.
type RouteInfo struct{ Method, Path string }

// Routes returns what the router has, not what the table says.
func (s *Server) Routes() []RouteInfo {
	var out []RouteInfo
	for _, r := range s.engine.Routes() {
		out = append(out, RouteInfo{r.Method, r.Path})
	}
	return out
}

// OpenAPI is the embedded document.
func OpenAPI() []byte { return openAPI }
