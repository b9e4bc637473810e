package api

func (s *server) reviewsRoutes() {}
