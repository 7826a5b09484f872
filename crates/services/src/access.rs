//! Metadata pages: the public page of a release's errata, which opens when the release is published.

use std::time::Duration;
use url::Url;

use crate::error::ServiceError;
use crate::remote::Remote;

/// Redirects within the site that are followed.
const REDIRECTS: usize = 4;
/// A page that takes longer counts as not answering (reference: metadata check).
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The site of the metadata pages.
#[derive(Debug, Clone)]
pub struct Access {
    remote: Remote,
}

/// Whether a page can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageState {
    /// It can.
    Open,
    /// Not yet.
    NotYet,
}

impl Access {
    /// The site at `remote`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// Whether a page is open. Only path and query of `page` are used, on this site.
    ///
    /// # Errors
    /// When the site does not answer, or answers with a fault of its own: then nothing is known.
    pub async fn page(&self, page: &Url) -> Result<PageState, ServiceError> {
        let mut path = path_and_query(page);
        for _ in 0..REDIRECTS {
            let answer = self.remote.get(&[]).raw_path(&path).time_limit(TIME_LIMIT).send_any().await?;
            match answer.status.as_u16() {
                // A good status with nothing below it is a proxy's, no page: then nothing is known.
                200..=299 if answer.body.trim_ascii().is_empty() => {
                    return Err(answer.bad("a page without anything in it"));
                }
                200..=299 => return Ok(PageState::Open),
                300..=399 => {
                    let here = self.remote.base().join(&path).ok();
                    let target = answer.header("location").and_then(|to| here.as_ref()?.join(to).ok());
                    match target {
                        // A page that is not public yet may send to a log-in elsewhere.
                        Some(target) if same_site(&target, self.remote.base(), page) => {
                            path = path_and_query(&target)
                        }
                        _ => return Ok(PageState::NotYet),
                    }
                }
                429 | 500.. => {
                    return Err(answer.checked("").err().unwrap_or_else(|| ServiceError {
                        service: self.remote.service(),
                        call: format!("GET {path}"),
                        fault: crate::error::Fault::Limited { retry_after: None },
                    }));
                }
                _ => return Ok(PageState::NotYet),
            }
        }
        Ok(PageState::NotYet)
    }
}

fn same_site(target: &Url, base: &Url, page: &Url) -> bool {
    let host = |url: &Url| (url.host_str().map(str::to_owned), url.port_or_known_default());
    host(target) == host(base) || host(target) == host(page)
}

fn path_and_query(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Auth;
    use crate::scripted::{Scripted, answer, answer_with};

    async fn look(status: u16, location: &'static str) -> Result<PageState, ServiceError> {
        let world = Scripted::new(move |request| {
            Ok(match request.uri().path() {
                "/errata/RHBA-2025:1" => answer_with(status, &[("location", location)], "said"),
                _ => answer(200, "page"),
            })
        });
        let access =
            Access::new(Remote::new("access", "http://127.0.0.1:1".parse().unwrap(), Auth::None, world));
        access.page(&"https://access.redhat.com/errata/RHBA-2025:1".parse().unwrap()).await
    }

    #[tokio::test]
    async fn a_page_is_open_not_yet_or_unknown() {
        assert_eq!(look(200, "").await.unwrap(), PageState::Open);
        for status in [401, 403, 404, 410] {
            assert_eq!(look(status, "").await.unwrap(), PageState::NotYet);
        }
        for status in [429, 500, 503] {
            assert!(look(status, "").await.is_err());
        }
    }

    #[tokio::test]
    async fn an_empty_page_opens_nothing() {
        let world = Scripted::new(|_| Ok(answer(200, "\n")));
        let access =
            Access::new(Remote::new("access", "http://127.0.0.1:1".parse().unwrap(), Auth::None, world));
        let page = "https://access.redhat.com/errata/RHBA-2025:1".parse().unwrap();
        let error = access.page(&page).await.unwrap_err();
        assert!(error.to_string().contains("a page without anything in it"), "{error}");
    }

    #[tokio::test]
    async fn redirects_are_followed_on_the_site_and_mean_not_yet_elsewhere() {
        assert_eq!(look(301, "/errata/RHBA-2025:1/").await.unwrap(), PageState::Open);
        assert_eq!(look(302, "https://access.redhat.com/other").await.unwrap(), PageState::Open);
        assert_eq!(look(302, "https://sso.redhat.com/login").await.unwrap(), PageState::NotYet);
        assert_eq!(
            look(302, "/errata/RHBA-2025:1").await.unwrap(),
            PageState::NotYet,
            "a ring of redirects ends"
        );
    }
}
