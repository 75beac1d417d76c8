//! The kinds of problems, each with a number that stays the same for ever and a paragraph that explains it.
//!
//! `E01xx` is about the form of a file, `E02xx` about single values, `E03xx` about what values mean together,
//! `E04xx` about what the files name outside of themselves. A number is never used again for something else: scripts and
//! runbooks name it.

use std::fmt;

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $number:literal $name:literal $code:ident, )+) => {
        /// What kind of problem it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $( $(#[doc = $doc])+ $code, )+
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Self] = &[$( Self::$code ),+];

            /// Number, name, and the lines of the explanation as they stand in the source.
            const fn facts(self) -> (&'static str, &'static str, &'static str) {
                match self {
                    $( Self::$code => ($number, $name, concat!($( $doc, "\n" ),+)), )+
                }
            }
        }
    };
}

codes! {
    /// The text is not YAML: a bracket is open, the indentation does not fit, a tab stands where spaces must, a value
    /// holds `: ` without quotes, or a second document starts. Nothing after that place can be told, so it is the only
    /// problem that is reported of the file.
    ///
    /// ```yaml
    /// endpoints: ["127.0.0.1:9101"      # wrong: the list is not closed
    /// endpoints: ["127.0.0.1:9101"]     # right
    /// ```
    "E0101" "not-yaml" NotYaml,

    /// The file cannot be read: it does not exist, is a folder, or its permissions keep the edge out; or its text
    /// or its name is not UTF-8. The message says which. Check the name and, as the user that the edge runs as, `ls -l`.
    "E0102" "unreadable-file" UnreadableFile,

    /// The key does not exist at this place. A key that is not known is never skipped, because then a misspelt limit
    /// would be no limit. Correct the spelling, or the indentation: a key also ends up at the wrong place when it
    /// stands a few spaces too far left or right.
    ///
    /// ```yaml
    /// timeouts: {conect: 500ms}         # wrong
    /// timeouts: {connect: 500ms}        # right
    /// ```
    "E0103" "unknown-key" UnknownKey,

    /// The key stands twice in one mapping. Many YAML readers let the second win in silence; here one of the two must
    /// go, because nobody can say which was meant.
    ///
    /// ```yaml
    /// pool: shop                        # wrong: which one?
    /// pool: media
    /// ```
    "E0104" "repeated-key" RepeatedKey,

    /// A key that has no default is missing. It has none because any guess would be wrong for somebody, as with the
    /// addresses of a pool.
    ///
    /// ```yaml
    /// - {name: cart, pool: shop, class: core}                           # wrong: which requests?
    /// - {name: cart, match: {path: /cart}, pool: shop, class: core}     # right
    /// ```
    "E0105" "missing-key" MissingKey,

    /// The value is of another kind than this key takes: a list where one value stands, text where a mapping stands, a
    /// number where text stands. Nothing is converted: `1.20` as a number would come back as `1.2`. Put a number that
    /// is meant as text into quotes. A key without a value (`cache:`) is refused too: leave it out instead.
    ///
    /// ```yaml
    /// class: [core]                     # wrong: a list
    /// class: core                       # right
    /// ```
    "E0106" "wrong-kind" WrongKind,

    /// The file is larger, nested deeper or multiplied further by its aliases (`*name`) than any real configuration.
    /// The bounds keep a wrong file, a disk image or an alias bomb from taking the memory of a running edge.
    "E0107" "too-large" TooLarge,

    /// A choice of keys, of which just one must stand here, holds none or more than one.
    ///
    /// ```yaml
    /// query: {drop: [utm_source], keep: [page]}     # wrong: what of `sort`?
    /// query: {keep: [page]}                         # right
    /// ```
    "E0108" "one-of-several" OneOfSeveral,

    /// A pattern of `include` matches no file. Nothing would be included, and the routes or pools that were meant would
    /// be missing without a word.
    ///
    /// ```yaml
    /// include: [route/*.yaml]           # wrong, where the folder is `routes`
    /// include: [routes/*.yaml]          # right
    /// ```
    "E0109" "nothing-included" NothingIncluded,

    /// The file is already part of the configuration: two patterns match it, or files include one another in a circle.
    /// All that it defines would be defined twice. Links are followed, so two names of one file are found too.
    "E0110" "included-twice" IncludedTwice,

    /// An included file holds a key that belongs to the main file: `process`, `admin`, `classes` or `telemetry`. These
    /// exist once, and it shall not depend on the order of files which one counts. Included files hold `listeners`,
    /// `trusted_proxies`, `pools`, `zones`, `routes`, and `include`.
    "E0111" "main-file-only" MainFileOnly,

    /// A number stands where a quantity is needed. Units are written out, because `timeout: 30` has been read as
    /// seconds by one and as milliseconds by another. Times have `ms`, `s`, `m`, `h` or `d`; sizes `B`, `KiB`, `MiB`,
    /// `GiB` or `TiB`; shares `%`; rates `/s`, `/m` or `/h`.
    ///
    /// ```yaml
    /// connect: 500                      # wrong
    /// connect: 500ms                    # right
    /// ```
    "E0201" "missing-unit" MissingUnit,

    /// The text is no quantity of the kind that is needed: its unit is unknown or of another kind, a space stands
    /// before it, or the number is no whole one. Sizes are binary and say so: `64KiB`, never `64KB`. Write `1500ms`
    /// for one and a half seconds.
    ///
    /// ```yaml
    /// memory: 256 MB                    # wrong
    /// memory: 256MiB                    # right
    /// ```
    "E0202" "wrong-quantity" WrongQuantity,

    /// The value is well-formed and outside of what works. The message says what is allowed; the reference says why.
    ///
    /// ```yaml
    /// retry: {tries: 50}                # wrong: nobody waits so long
    /// retry: {tries: 2}                 # right
    /// ```
    "E0203" "out-of-range" OutOfRange,

    /// The list has too few or too many items. An empty list where something is needed is never read as "all".
    ///
    /// ```yaml
    /// endpoints: []                     # wrong: where should requests go?
    /// endpoints: ["127.0.0.1:9101"]     # right
    /// ```
    "E0204" "wrong-count" WrongCount,

    /// The value is none of the words that this key takes. Words are compared as written, in lower case.
    ///
    /// ```yaml
    /// balance: roundrobin               # wrong
    /// balance: round_robin              # right
    /// ```
    "E0205" "unknown-word" UnknownWord,

    /// A name of your own choice has characters that metrics, logs or URLs could not carry. Names have 1 to 64
    /// characters of `a-z`, `0-9`, `_` and `-`, starting with a letter.
    ///
    /// ```yaml
    /// name: Check out                   # wrong
    /// name: check_out                   # right
    /// ```
    "E0206" "wrong-name" WrongName,

    /// The text is no address with a port. IPv6 stands in brackets. Where the edge listens, host names are not looked up, so
    /// that a name server that is down cannot keep it from starting; endpoints may have names.
    ///
    /// ```yaml
    /// bind: ":8080"                     # wrong
    /// bind: "0.0.0.0:8080"              # right
    /// ```
    "E0207" "wrong-address" WrongAddress,

    /// The text is no network, or bits are set behind its prefix, which shows that another one was meant.
    ///
    /// ```yaml
    /// trusted_proxies: ["10.1.2.3/8"]   # wrong
    /// trusted_proxies: ["10.0.0.0/8"]   # right
    /// ```
    "E0208" "wrong-network" WrongNetwork,

    /// The text is no host name that a request could bring: it has a scheme, a port or a path, or a `*` elsewhere than
    /// in `*.` at the front. Names outside of ASCII are written as browsers send them (`xn--...`).
    ///
    /// ```yaml
    /// host: https://shop.example.com/   # wrong
    /// host: shop.example.com            # right
    /// ```
    "E0209" "wrong-host" WrongHost,

    /// The text is no path that a request could bring. Requests reach routing in one spelling: dots resolved, no
    /// `//`, unreserved characters plain and all others percent-encoded in upper case. A path in another spelling would
    /// never match. `{name}` stands for one whole segment, `**` at the end for everything that is left.
    ///
    /// ```yaml
    /// path: /product/*                  # wrong
    /// path: "/product/{id}"             # right: one segment
    /// path: /product/**                 # right: everything below
    /// ```
    "E0210" "wrong-path" WrongPath,

    /// The text is no HTTP method. Methods are case-sensitive (RFC 9110 section 9.1): `get` would be another method
    /// than `GET`, and no client sends it.
    "E0211" "wrong-method" WrongMethod,

    /// The text is not the path of a file. Secrets never stand in the configuration themselves: write where the file
    /// with the key is, not what it holds.
    ///
    /// ```yaml
    /// key: "-----BEGIN PRIVATE KEY..."  # wrong
    /// key: tls/shop.key                 # right
    /// ```
    "E0212" "wrong-file-path" WrongFilePath,

    /// The text does not say where a secret stands. Who reads the configuration shall not have its secrets, so it holds
    /// `env:` and the name of an environment variable, or `file:` and the path of a file. The line is not repeated in
    /// the message, because it may hold the secret itself. Header fields that hold one, such as `authorization`, cannot
    /// be given to an origin at all: let it trust the edge by its network.
    ///
    /// ```yaml
    /// token: correct-horse-battery      # wrong
    /// token: "env:EDGE_ADMIN_TOKEN"     # right
    /// token: "file:secrets/token"       # right
    /// ```
    "E0213" "wrong-secret" WrongSecret,

    /// The text is no name or value of a header field (RFC 9110 section 5): names are of letters, digits and a few signs
    /// such as `-`; values of visible ASCII, with spaces only inside. A condition on a value that no request can bring
    /// would never hold.
    ///
    /// ```yaml
    /// headers: {"x beta": "1"}          # wrong
    /// headers: {x-beta: "1"}            # right
    /// ```
    "E0214" "wrong-field" WrongField,

    /// The template cannot be filled in, or not to something that can be sent. `{name}` is a parameter of the route's
    /// path, `{rest}` what `**` took, `{host}` the host that was asked for; each path of the route must have what the
    /// template uses. Nothing of the client's path can become part of the host, or a link to the shop could be made to
    /// lead anywhere.
    ///
    /// ```yaml
    /// - {name: old, match: {path: "/p/{id}"}, redirect: {to: "/product/{sku}"}}     # wrong
    /// - {name: old, match: {path: "/p/{id}"}, redirect: {to: "/product/{id}"}}      # right
    /// ```
    "E0215" "wrong-template" WrongTemplate,

    /// The text is no name of a query parameter that the cache could tell from others: it is empty, or holds a space or
    /// one of `% + ; & = #`, which servers read in more than one way. Mostly a comma is missing.
    ///
    /// ```yaml
    /// query: {drop: [utm_source utm_medium]}      # wrong: one name with a space in it
    /// query: {drop: [utm_source, utm_medium]}     # right
    /// ```
    "E0216" "wrong-parameter" WrongParameter,

    /// The name leads nowhere: no such pool, class, zone or listener is defined, or no endpoint stands in the zone that
    /// `process.zone` names. Correct the spelling, or define it.
    "E0301" "unknown-name" UnknownName,

    /// Two things of one kind have the same name, so that a reference to it could mean either.
    "E0302" "repeated-name" RepeatedName,

    /// The value stands twice in a list in which each counts once. For an endpoint that should get more, write a
    /// weight.
    ///
    /// ```yaml
    /// endpoints: ["127.0.0.1:9101", "127.0.0.1:9101"]              # wrong
    /// endpoints: [{address: "127.0.0.1:9101", weight: 2}]          # right
    /// ```
    "E0303" "repeated-value" RepeatedValue,

    /// The thing is defined and nothing uses it. Usually the reference to it is what is wrong: a route that was meant
    /// to name this pool names another. A class that no route has would keep headroom for nobody, a zone memory.
    "E0304" "unused-name" UnusedName,

    /// Two routes match the same requests and none of the two is more specific, so that their order would decide. Order
    /// never decides here. What is more specific: first by host (exact, then `*.`, then any), then by path (segment by
    /// segment: literal, then `{name}`, then `**`), then by method (named, then any), then by the number of conditions in
    /// `headers` and `query`. Two with as many conditions are fine if these exclude each other, as two different values
    /// of one field do. Remove one of the two, or let it name a host, a method or one condition more.
    "E0305" "same-requests" SameRequests,

    /// Two listeners would bind the same address, and the second could not start. `0.0.0.0` and `[::]` take the port
    /// of every address of their family.
    "E0306" "address-taken" AddressTaken,

    /// `redirect_to` leads to a listener that does not answer over TLS: to itself, to one that redirects on, or to a
    /// plain one. A client must arrive after one redirect, and encrypted.
    ///
    /// ```yaml
    /// plain: {bind: "0.0.0.0:80", redirect_to: plain}      # wrong
    /// plain: {bind: "0.0.0.0:80", redirect_to: secure}     # right, where `secure` has `tls`
    /// ```
    "E0307" "wrong-redirect" WrongRedirect,

    /// Nothing can listen at this address: port 0 and `0.0.0.0` only mean something when binding.
    "E0308" "unreachable" Unreachable,

    /// What is written could never have an effect, so something else must have been meant: answers to `POST` are never
    /// kept in the cache, and an empty list of parameters drops none.
    "E0309" "without-effect" WithoutEffect,

    /// `headroom` keeps so much of the pool free for the classes above that the lowest could never send even one
    /// request. Each class leaves `headroom` of `in_flight` free for every class above it.
    ///
    /// ```yaml
    /// limit: {in_flight: 100, headroom: 50%}    # wrong with three classes: 100 - 2 * 50 = 0 for the lowest
    /// limit: {in_flight: 100, headroom: 10%}    # right: 80 for the lowest
    /// ```
    "E0310" "starved-class" StarvedClass,

    /// The network holds every address there is. If every client were believed in what it says of its own address,
    /// rate limits and access lists would mean nothing. Name the networks of the load balancers before the edge.
    "E0311" "trusts-everyone" TrustsEveryone,

    /// The admin listener would be reached from other machines, and nothing would be asked of them. Give it a `token`,
    /// or bind it to loopback.
    ///
    /// ```yaml
    /// admin: {bind: "0.0.0.0:9901"}                                    # wrong
    /// admin: {bind: "0.0.0.0:9901", token: "file:secrets/token"}       # right
    /// ```
    "E0312" "open-admin" OpenAdmin,

    /// The header field is not the configuration's to change: it frames the message or belongs to one connection
    /// (`Content-Length`, `Connection`), or the edge speaks by it itself, to the origin (`X-Forwarded-For`) or to the
    /// client (`Cache-Status`). If it could be set here, nobody could rely on it.
    "E0313" "reserved-field" ReservedField,

    /// The route names a host that no listener serves: every listener that answers speaks TLS, and none has a
    /// certificate for the host, so such requests get `421` before they are routed. Add a certificate, or correct the
    /// spelling.
    "E0314" "unserved-host" UnservedHost,

    /// What is said of client certificates does not fit together: clients are asked for one and nobody is named who
    /// signs them, or the other way about; or a route takes only clients with a certificate, and no listener that serves
    /// its host asks for one.
    ///
    /// ```yaml
    /// tls: {certificates: [...], client_certificates: optional}                                   # wrong: signed by whom?
    /// tls: {certificates: [...], client_certificates: optional, client_ca: tls/partners.pem}      # right
    /// ```
    "E0315" "wrong-client-certificates" WrongClientCertificates,

    /// The listener wants to hear by the PROXY protocol whom each connection is for, and nobody is trusted to say so. A
    /// header from anyone would let every client claim any address.
    ///
    /// ```yaml
    /// trusted_proxies: ["10.0.0.0/8"]
    /// listeners: {plain: {bind: "0.0.0.0:8080", proxy_protocol: v2}}
    /// ```
    "E0316" "nobody-trusted" NobodyTrusted,

    /// No endpoint of the pool would serve as a rule: every one is draining, so that a new client would be answered with
    /// `503`, or every one is a backup, and stands in for nobody.
    ///
    /// ```yaml
    /// endpoints: [{address: "127.0.0.1:9101", drain: true}]                        # wrong
    /// endpoints: [{address: "127.0.0.1:9101", drain: true}, "127.0.0.1:9102"]      # right
    /// ```
    "E0317" "nobody-serves" NobodyServes,

    /// A certificate cannot be served: its file or that of its key cannot be read or holds something else, the two are
    /// no pair, or the certificate does not hold a name that it is meant for. `openssl x509 -noout -text -in FILE` shows
    /// what it holds.
    "E0401" "wrong-certificate" WrongCertificate,

    /// A certificate is not valid now, or not on the day of `edge check --event`. Clients refuse it, whatever the edge
    /// does. An edge that runs goes on with it: one old certificate must not take all others down.
    "E0402" "expired-certificate" ExpiredCertificate,

    /// A secret cannot be read where the configuration says that it stands, or is none that could be used. What was read
    /// is not shown.
    "E0403" "unusable-secret" UnusableSecret,

    /// A file or folder that the configuration names is not there, cannot be opened by the user that this runs as, or is
    /// too large.
    "E0404" "unusable-file" UnusableFile,

    /// An address cannot be listened on: another program holds it, or this machine does not have it, or it takes rights
    /// that the edge lacks. `ss -ltnp` shows who holds a port.
    "E0405" "unusable-address" UnusableAddress,

    /// A pool would go live with nobody to ask: no name of its endpoints can be resolved, or its file lists none. What
    /// is live stays so. A pool that had nobody before may go on so, and an edge starts without: it waits for them then.
    "E0406" "nobody-found" NobodyFound,
}

impl Code {
    /// `E0103`
    pub fn number(self) -> &'static str {
        self.facts().0
    }

    /// `unknown-key`
    pub fn name(self) -> &'static str {
        self.facts().1
    }

    /// What it means, why it is refused and what to do about it, in Markdown, often with an example.
    pub fn explanation(self) -> String {
        let lines = self.facts().2.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The code of a number such as `E0103` or of a name such as `unknown-key`, in either case of letters.
    pub fn parse(text: &str) -> Option<Self> {
        let meant = |code: &&Self| text.eq_ignore_ascii_case(code.number()) || text.eq_ignore_ascii_case(code.name());
        Self::ALL.iter().find(meant).copied()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_in_order() {
        assert!(Code::ALL.is_sorted_by(|a, b| a.number() < b.number()));
        for code in Code::ALL {
            assert_eq!(Code::parse(code.number()), Some(*code));
            assert_eq!(Code::parse(&code.name().to_ascii_uppercase()), Some(*code), "the name is of this code alone");
        }
        assert_eq!(Code::parse("e0103"), Some(Code::UnknownKey));
        assert_eq!(Code::parse("103"), None);
    }

    #[test]
    fn an_explanation_reads_as_it_was_written() {
        let explanation = Code::UnknownKey.explanation();
        assert!(explanation.starts_with("The key does not exist at this place. "), "{explanation}");
        assert!(explanation.contains("\n```yaml\ntimeouts: {conect: 500ms}         # wrong\n"), "{explanation}");
    }
}
