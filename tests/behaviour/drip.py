"""drip PORT: an origin whose /drip sends until its reader is gone, and says so; anything else is answered with ok."""
import http.server, sys, time


class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        if self.path != "/drip":
            print("served", self.path, flush=True)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"ok\n")
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"5\r\ndrip\n\r\n")
                time.sleep(0.02)
        except OSError:
            print("the reader is gone", flush=True)
            self.close_connection = True

    def log_message(self, *a):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
