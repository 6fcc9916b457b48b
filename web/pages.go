package web

import "net/http"

func (s *site) pages(mux *http.ServeMux) {}
