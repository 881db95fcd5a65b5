"""Show an export as a page that runs it in the browser: pictures dropped on it, a camera, styles and labels."""

import tempfile
import webbrowser
from pathlib import Path


def add_arguments(parser, argv):
    parser.add_argument("export", metavar="EXPORT", help="exports/NAME, one of its versions, or a .tflite file")
    parser.add_argument("--port", type=int, default=8000, help="on this machine; 0 takes any free one [%(default)s]")
    parser.add_argument(
        "--samples", metavar="IN", help="a picture, or a folder of them, that the page offers [the export's]"
    )
    parser.add_argument("--out", metavar="SITE", help="write the site for a static host instead of serving it")
    parser.add_argument("--runtime", metavar="DIR", help="node_modules with LiteRT's runtime [npm fetches it, once]")
    parser.add_argument("--no_open", action="store_true", help="don't open the browser")


def run(args):
    from tfi2i.exporting.demo import make_site, server

    if args.out:
        print(make_site(args.export, args.out, args.runtime, args.samples))
        return
    with tempfile.TemporaryDirectory(prefix="tfi2i-") as folder:
        site = Path(folder) / "site"
        with server(site, args.port) as httpd:  # first, so that a port in use is known at once
            make_site(args.export, site, args.runtime, args.samples)
            url = f"http://127.0.0.1:{httpd.server_port}/"
            print(f"{url} (Ctrl-C stops)", flush=True)
            if not args.no_open:
                webbrowser.open(url)
            httpd.serve_forever()
