package api

func (s *server) projectionsRoutes() {}
