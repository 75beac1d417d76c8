//! Passwords: Argon2id, a few at a time.
//!
//! One hash takes 19 MiB and two passes (the OWASP minimum, the crate's default). Unbounded, a rush of logins would take
//! all memory and every core from the rest of the shop; here it waits, and beyond a limit is refused.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// Attempts that may wait. At some 20 ms each they wait a few seconds at most.
const WAITING_MAX: usize = 256;

/// Compared with when there is no account, so that the time taken does not tell whether there is one.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody's password").unwrap_or_default());

/// Room for as many hashes at once as there are cores, less one where there are several.
#[derive(Clone)]
pub(super) struct PasswordPool {
    at_work: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// Too many passwords wait to be checked already.
#[derive(Debug, thiserror::Error)]
#[error("{WAITING_MAX} passwords wait to be hashed already")]
pub(crate) struct Crowded;

impl PasswordPool {
    pub(super) fn new() -> PasswordPool {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = cores.saturating_sub(1).max(1);
        PasswordPool {
            at_work: Arc::new(Semaphore::new(at_once)),
            room: Arc::new(Semaphore::new(WAITING_MAX + at_once)),
        }
    }

    /// A hash to be stored, with its parameters and a random salt.
    pub(super) async fn hash(&self, password: String) -> Result<Option<String>, Crowded> {
        self.run(move || hash(&password)).await
    }

    /// Whether `password` is the one that was hashed; takes as long when there is no hash.
    pub(super) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Crowded> {
        self.run(move || {
            let known = stored.is_some();
            let stored = stored.as_deref().unwrap_or(&NOBODY);
            let fits = PasswordHash::new(stored)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
            known && fits
        })
        .await
    }

    async fn run<T: Send + Default + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Crowded> {
        let _place = Arc::clone(&self.room).try_acquire_owned().map_err(|_full| Crowded)?;
        let turn = Arc::clone(&self.at_work).acquire_owned().await.map_err(|_closed| Crowded)?;
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn; // kept until the work ends, even when nobody waits for it any more
            work()
        });
        Ok(task.await.unwrap_or_default())
    }
}

fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let pool = PasswordPool::new();
        let stored = pool.hash("correct horse".to_owned()).await.unwrap().unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(pool.verify("correct horse".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!pool.verify("correct horsf".to_owned(), Some(stored)).await.unwrap());
        assert!(!pool.verify("nobody's password".to_owned(), None).await.unwrap());
        assert!(!pool.verify("any".to_owned(), Some("not a hash".to_owned())).await.unwrap());
    }
}
