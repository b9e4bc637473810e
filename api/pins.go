package api

func (s *server) pinsRoutes() {}
