//! The signature mirror: a release image is signed when a signature of its digest lies there.

use crate::error::{Fault, ServiceError};
use crate::image::ImageDigest;
use crate::remote::Remote;

/// The signature mirror.
#[derive(Debug, Clone)]
pub struct Signature {
    remote: Remote,
}

impl Signature {
    /// The mirror at `remote`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }

    fn path(digest: &ImageDigest) -> [String; 7] {
        let folder = format!("sha256={}", digest.hex());
        ["pub", "openshift-v4", "signatures", "openshift", "release", &folder, "signature-1"]
            .map(str::to_owned)
    }

    /// Where the signature of an image lies, if it is signed.
    #[must_use]
    pub fn page(&self, digest: &ImageDigest) -> String {
        self.remote.link(&Self::path(digest).each_ref().map(String::as_str))
    }

    /// Whether the image is signed.
    ///
    /// # Errors
    /// As of [`crate::remote::Call::send`]; an empty signature, or a page in its place, is [`Fault::BadAnswer`].
    pub async fn is_signed(&self, digest: &ImageDigest) -> Result<bool, ServiceError> {
        match self.remote.get(&Self::path(digest).each_ref().map(String::as_str)).send().await {
            Ok(answer) if answer.body.is_empty() => Err(answer.bad("an empty signature")),
            // A page that something on the way shows in the mirror's place.
            Ok(answer) if answer.body.trim_ascii_start().starts_with(b"<") => {
                Err(answer.bad("a page in place of a signature"))
            }
            Ok(_) => Ok(true),
            Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
