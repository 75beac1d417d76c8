# Varnish as a cache: it takes a request with a cookie for a personal one unless it is told otherwise.
vcl 4.1;

backend origin {
    .host = "@ORIGIN_HOST@";
    .port = "@ORIGIN_PORT@";
}

sub vcl_recv {
    unset req.http.Cookie;
    return (hash);
}
