//! Task 9: verify that the release image is signed (specification, task 9).
//!
//! The digest comes from the release controller's change log, which is rendered some time after promotion; until then
//! the task waits. A digest without a signature on the mirror fails it.

use jiff::SignedDuration;
use regatta_kit::{Build, Code};
use regatta_statebox::event::Evidence;

use crate::context::Context;
use crate::effects::Early;
use crate::outcome::{Failure, Outcome, Precondition};

/// Time between looks at a digest that is not there yet.
const LOOK: SignedDuration = SignedDuration::from_mins(5);

/// Runs the task.
///
/// # Errors
/// Outcomes and engine stops reached early.
pub async fn run(context: &Context<'_>) -> Result<Outcome, Early> {
    let release = context.release;
    let arch = context.settings.arch;
    let payload = context.services.release_controller.payload(Build::Release(release), arch).await?;
    let Some(digest) = payload.as_ref().and_then(|payload| payload.digest.as_ref()) else {
        let why = match payload {
            None => format!("the release controller does not list {release} yet"),
            Some(_) => format!(
                "the release controller has not rendered the change log of {release} yet, which names the image's digest"
            ),
        };
        return Ok(Outcome::Blocked(Precondition { name: "image-digest", why }, LOOK));
    };
    let signature = &context.services.signature;
    let links = vec![signature.page(digest)];
    Ok(if signature.is_signed(digest).await? {
        Outcome::Passed(Evidence {
            summary: format!("release image {digest} is signed"),
            digest: digest.to_string(),
            links,
        })
    } else {
        let text = format!("release image {digest} has no signature on the mirror");
        let evidence = Evidence { summary: text.clone(), digest: digest.to_string(), links };
        Outcome::Failed(Failure { code: Code::NotSigned, text }, evidence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted_world::{Script, World};

    const RELEASE: &str = "/api/v1/releasestream/4-stable/release/4.20.1";

    async fn look(script: Script) -> Outcome {
        World::new(script).run(|context| Box::pin(async move { run(context).await })).await
    }

    fn accepted(digest: &str) -> Script {
        Script::default().on(
            "GET",
            RELEASE,
            &format!(r#"{{"phase":"Accepted","changeLogJson":{{"to":{{"digest":"{digest}"}}}}}}"#),
        )
    }

    #[tokio::test]
    async fn a_signed_image_passes_and_an_unsigned_one_fails() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let path =
            format!("/pub/openshift-v4/signatures/openshift/release/sha256={}/signature-1", "ab".repeat(32));
        assert!(matches!(look(accepted(&digest).on("GET", &path, "signature")).await, Outcome::Passed(_)));
        let Outcome::Failed(failure, _) = look(accepted(&digest)).await else { panic!() };
        assert_eq!(failure.code, Code::NotSigned);
    }

    #[tokio::test]
    async fn without_a_digest_the_task_waits_and_a_strange_one_is_tried_again() {
        for script in [Script::default(), accepted("")] {
            let Outcome::Blocked(why, _) = look(script).await else { panic!() };
            assert_eq!(why.name, "image-digest");
        }
        assert!(matches!(look(accepted("sha256:../../etc")).await, Outcome::Transient(_)));
    }
}
