//! TLS of a listener: certificates, what is offered, and what clients have to show.

use std::time::Duration;

use super::path::{AuthoritiesPath, ChainPath, KeyPath, TicketsPath};
use super::read::{OneOrMany, Written, mapping, words};
use crate::model::{ClientAuth, HostPattern, Protocol, TlsVersion};

mapping! {
    /// TLS of one listener. All of it is live: for handshakes from now on.
    Tls {
        /// Certificates, chosen by the name that the client asks for; at least one. A client that asks for a name that
        /// none is for gets the alert `unrecognized_name`. One that names none gets the certificate for the address that
        /// it connected to, or else the first. Live; and when a file changes on disk, however it is put there, it goes
        /// live within seconds without a reload. One that is broken by then changes nothing, and the log says why.
        required certificates: Written<Vec<Certificate>>,

        /// HTTP versions offered, most wanted first: `h2`, `http/1.1`. Default: both in this order, because one h2
        /// connection per browser costs the edge less than six of h1. Live.
        optional protocols: Written<Vec<Written<Protocol>>>,

        /// The oldest version spoken: `1.2` or `1.3`. Default `1.2`: some shoppers' television sets and old telephones
        /// have nothing newer, and with the suites offered here it is safe. An older client gets an alert. Live.
        optional min_version: Written<TlsVersion>,

        /// How long a handshake may take, from the connection to its end, `100ms` to `1m`. Default `10s`: several round
        /// trips over a bad mobile network with a lost packet each. Then the connection is closed. Live.
        optional handshake_timeout: Written<Duration>,

        /// Whether clients are asked for a certificate: `none`; `optional`, so that routes with `client_certificate:
        /// required` can be for those who have one; `required`, without which no handshake succeeds. Default `none`:
        /// browsers that have one ask their user which to show. Origins are told a good one in `Client-Cert` (RFC 9440).
        /// Live.
        optional client_certificates: Written<ClientAuth>,

        /// PEM file with the certificates of those who sign clients' certificates; a relative path starts from the
        /// folder of this file. A certificate signed by somebody else, or expired, ends the handshake. Needed where
        /// clients are asked, and only there. Default: none. Live; also when the file changes.
        optional client_ca: Written<AuthoritiesPath>,

        /// Keys of session tickets, by which clients that come back are spared the full handshake. Default: keys that
        /// this edge makes in memory, and anew every 6 hours; a restart forgets them.
        optional tickets: Tickets,
    }
}

mapping! {
    /// Keys of session tickets out of files, so that a ticket of one edge is good at every other. A ticket is good for 12
    /// hours, and only for the same `client_certificates` and `client_ca`.
    Tickets {
        /// A file with one key, or a folder of at most 64 such files, the newest key in the file whose name is last in the
        /// alphabet. A key is 48 or 80 random bytes: `edge ticket-key FOLDER` makes one. Nobody but the owner of a file
        /// may write to it, and nobody but the owner and the group may read it. The newest key seals, all open; a new one
        /// seals once its file has been there for five minutes, so that it can reach every edge first, and the newest of
        /// the others until then. Live; also when the files change.
        required keys: Written<TicketsPath>,
    }
}

mapping! {
    /// One certificate chain with its key.
    Certificate {
        /// Names it is chosen for: `shop.example.com`, or `*.example.com` for any one label, or an address; one or a list.
        /// Live.
        required names: Written<OneOrMany<Written<HostPattern>>>,

        /// PEM file with the chain, leaf first; a relative path starts from the folder of this file. Live.
        required chain: Written<ChainPath>,

        /// PEM file with the private key; a relative path starts from the folder of this file. Live.
        required key: Written<KeyPath>,
    }
}

words! {
    Protocol {
        "h2" => Protocol::H2,
        "http/1.1" => Protocol::Http1,
    }
}

words! {
    TlsVersion {
        "1.2" => TlsVersion::V1_2,
        "1.3" => TlsVersion::V1_3,
    }
}

words! {
    ClientAuth {
        "none" => ClientAuth::None,
        "optional" => ClientAuth::Optional,
        "required" => ClientAuth::Required,
    }
}
