"""joinmiddle LISTEN CERT KEY [TARGET]: somebody who is not the authority. With TARGET he passes on, between two
TLS connections of his own, all that the authority behind it says; without, he speaks zt-enrol/1 himself and
knows no secret. Prints what he was told, one line a frame. Not a test."""
import os, socket, ssl, struct, sys, threading

listen, cert, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
target = int(sys.argv[4]) if len(sys.argv) > 4 else None
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.maximum_version = ssl.TLSVersion.TLSv1_2
ctx.set_alpn_protocols(["zt-enrol/1"])
ctx.load_cert_chain(cert, key)
out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
out.check_hostname, out.verify_mode = False, ssl.CERT_NONE
out.set_alpn_protocols(["zt-enrol/1"])
server = socket.create_server(("127.0.0.1", listen))


def serve(client):
    try:
        client = ctx.wrap_socket(client, server_side=True)
        print("shaken", flush=True)
        upstream = out.wrap_socket(socket.create_connection(("127.0.0.1", target))) if target else None
        while data := client.recv(65536):
            print("told", data[0], flush=True)
            if upstream:
                upstream.sendall(data)
                client.sendall(upstream.recv(65536))
            else:  # a challenge with a proof that he made up
                fields = struct.pack("<HI", 2, 32) + os.urandom(32) + struct.pack("<HI", 6, 32) + os.urandom(32)
                client.sendall(struct.pack("<BBHI", 16, 0, 0, len(fields)) + fields)
        print("gone", flush=True)
    except (OSError, ssl.SSLError) as e:
        print("gone", type(e).__name__, flush=True)


print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
