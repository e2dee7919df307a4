"""The images of a project like a WordPress site (tests/cases/deploy/wordpress-like.yml), of busybox and a few scripts.

Its database is a web server that asks for a login and keeps a file of rows: `…/sql?USER:PASSWORD@DATABASE/ROW` adds one
and says all of them. busybox's own wget cannot look up names (it is static), so `ask` does it by hand.
"""
import images

APPLETS = ("sh", "httpd", "nc", "nslookup", "sed", "grep", "head", "cat", "echo", "id", "test", "sleep", "false", "true")

ASK = r"""#!/bin/sh
# ask NAME PORT PATH
address=$(nslookup -type=a "$1" 127.0.0.11 | sed -n '/^Name:/,$s/^Address: *//p' | head -n 1)
[ -n "$address" ] || { echo "nobody knows the address of $1"; exit 1; }
printf 'GET %s HTTP/1.0\r\n\r\n' "$3" | nc "$address" "$2" | sed '1,/^\r*$/d'
"""
DATABASE = r"""#!/bin/sh
# database [ROW]
exec ask mysql 3306 "/cgi-bin/sql?$MYSQL_USER:$MYSQL_PASSWORD@$MYSQL_DATABASE/$1"
"""
CURL = r"""#!/bin/sh
# curl --fail http://localhost:PORT/
port=${2##*:}
printf 'GET / HTTP/1.0\r\n\r\n' | nc 127.0.0.1 "${port%/}" | head -n 1 | grep -q ' 200 '
"""
SQL = r"""#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
login=${QUERY_STRING%/*} row=${QUERY_STRING##*/}
[ "$login" = "$MYSQL_USER:$MYSQL_PASSWORD@$MYSQL_DATABASE" ] || { echo "access denied"; exit 0; }
[ -z "$row" ] || echo "$row" >>/var/lib/mysql/rows
cat /var/lib/mysql/rows
"""
FRONT = r"""#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
echo "web of $ENV, its CDN is $CDN"
"""
# What is asked for becomes a row, and a file among the uploads.
POST = r"""#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
echo "$QUERY_STRING" >"/var/www/html/uploads/$QUERY_STRING" || echo "no upload as $(id -u)"
database "$QUERY_STRING"
"""
MIGRATE = r"""#!/bin/sh
database "schema-$(cat /etc/version)" | grep "^schema" || exit 1
"""
# Without its tables it does not even start.
START = r"""#!/bin/sh
database | grep -q "^schema-$(cat /etc/version)\$" || { echo "the database has no tables"; exit 1; }
trap 'exit 0' TERM
httpd -f -p 9000 -h /var/www/html & wait
"""
PHP = r"""#!/bin/sh
[ "$1" = wp-cron.php ] && echo "$1 runs as $(id -u) in $ENV" && database "$1"
"""
BASH = '#!/bin/sh\nexec sh "$@"\n'
HEALTHY = 'HEALTHCHECK --interval=1s --timeout=10s --retries=30 CMD ["curl", "--fail", "http://localhost:{}/"]'


def make(name, files, *changes):
    content = {path: (text.encode(), 0o755) for path, text in files.items()}
    return images.busybox(f"atelier-test-wordpress-{name}", APPLETS, content, changes)


def web(version):
    return make(f"web-{version}", {
        "bin/ask": ASK, "bin/database": DATABASE, "bin/curl": CURL, "bin/php": PHP, "bin/bash": BASH, "bin/start": START,
        "etc/version": version, "srv/migrate.sh": MIGRATE, "var/www/html/cgi-bin/index.cgi": FRONT,
        "var/www/html/cgi-bin/post": POST}, "USER 1001", "WORKDIR /srv", HEALTHY.format(9000), 'CMD ["start"]')


def cdn():
    return make("cdn", {"bin/curl": CURL, "var/www/html/index.html": "the CDN\n"}, "USER 1001", HEALTHY.format(8000),
                'CMD ["httpd", "-f", "-p", "8000", "-h", "/var/www/html"]')


def chat():
    """Two servers in one: of a site, and of what is below its /ws/."""
    return make("chat", {"bin/curl": CURL, "srv/web/index.html": "web\n", "srv/web/ws/index.html": "web\n",
                         "srv/ws/index.html": "ws\n", "srv/ws/ws/index.html": "ws\n"}, "USER 1001", "EXPOSE 8000",
                HEALTHY.format(8000))


def mysql():
    """As such images are, root's own."""
    return make("mysql", {"bin/curl": CURL, "srv/index.html": "a database\n", "srv/cgi-bin/sql": SQL}, HEALTHY.format(3306),
                'CMD ["httpd", "-f", "-p", "3306", "-h", "/srv"]')
