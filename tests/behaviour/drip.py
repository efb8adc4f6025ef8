"""drip PORT [NAME]: an origin whose /drip sends until its reader is gone, and says so; anything else is answered with NAME, or ok."""
import http.server, sys, time

NAME = sys.argv[2].encode() if len(sys.argv) > 2 else b"ok\n"


class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        if self.path != "/drip":
            print("served", self.path, flush=True)
            self.send_header("Content-Length", str(len(NAME)))
            self.end_headers()
            self.wfile.write(NAME)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"5\r\ndrip\n\r\n")
                time.sleep(0.05)
        except OSError:
            print("the reader is gone", flush=True)
            self.close_connection = True

    def log_message(self, *a):
        pass


http.server.ThreadingHTTPServer.request_queue_size = 128
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
