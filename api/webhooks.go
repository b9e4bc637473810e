package api

func (s *server) webhooksRoutes() {}
