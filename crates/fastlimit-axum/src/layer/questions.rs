use std::fmt;
use std::iter;
use std::pin::Pin;

use axum::http::StatusCode;
use axum::http::request::Parts;
use fastlimit_core::{Cost, Policy};
use futures_util::FutureExt;

use crate::hook::{Answer, End, Hook};
use crate::quota::Subject;
use crate::{QuotaRequest, Rejection};

/// What a layer asks to know what a request is charged.
#[derive(Clone, Debug)]
pub(super) enum Questions {
    Separate(Separate),
    /// Everything at once.
    LookUp(Hook<QuotaRequest>),
}

#[derive(Clone, Debug)]
pub(super) struct Separate {
    pub(super) first: SubjectHooks,
    /// Those that are charged besides.
    pub(super) also: Vec<SubjectHooks>,
    /// What each of them is charged.
    pub(super) cost: Hook<Cost>,
}

#[derive(Clone)]
pub(super) struct SubjectHooks {
    pub(super) policy: Hook<Policy>,
    /// The client's address if `None`.
    pub(super) key: Option<Hook<String>>,
    pub(super) tenant: Option<Hook<String>>,
}

impl fmt::Debug for SubjectHooks {
    /// Writes no key, since it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectHooks")
            .field("policy", &self.policy)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// Who is charged, now or when the hooks have answered; nobody if the request is exempt.
pub(super) enum Asked {
    Now(Vec<Subject>),
    Later(Pin<Box<dyn Future<Output = Result<Vec<Subject>, Rejection>> + Send>>),
}

/// What separate hooks answered.
#[derive(Default)]
struct Answers {
    /// Those that are limited, as far as is known.
    subjects: Vec<SubjectAnswers>,
    /// `None` if nobody is left to be charged.
    cost: Option<Result<Answer<Cost>, End>>,
}

/// What the hooks of one subject answered, up to the one that refused.
#[derive(Default)]
struct SubjectAnswers {
    policy: Option<Answer<Policy>>,
    key: Option<Answer<String>>,
    tenant: Option<Answer<String>>,
    refused: Option<Rejection>,
}

impl Questions {
    /// The name of the policy, if it is known before a request comes.
    pub(super) fn policy_name(&self) -> Option<&str> {
        match self {
            Self::Separate(separate) => separate.policies().next().map(Policy::name),
            Self::LookUp(hook) => hook.value().and_then(QuotaRequest::policy_name),
        }
    }

    /// Asks the hooks in their order: policy, key and tenant of each subject, then the cost. The
    /// first that refuses ends it. A subject of which one has no value is not charged.
    pub(super) fn ask(&self, parts: &Parts) -> Result<Asked, Rejection> {
        match self {
            Self::Separate(separate) => {
                let answers = separate.ask(parts);
                asked(answers.are_ready(), answers.get())
            }
            Self::LookUp(hook) => match hook.ask(parts) {
                Ok(answer) => asked(answer.is_ready(), answer.get()),
                Err(end) => asked(true, std::future::ready(Err(end))),
            },
        }
    }
}

fn asked(
    is_ready: bool,
    request: impl Future<Output = Result<QuotaRequest, End>> + Send + 'static,
) -> Result<Asked, Rejection> {
    let subjects = request.map(|request| match request {
        Ok(request) => Ok(request.into_charged()),
        Err(End::Exempt) => Ok(Vec::new()),
        Err(End::Refused(rejection)) => Err(rejection),
    });
    if !is_ready {
        return Ok(Asked::Later(Box::pin(subjects)));
    }
    // What is ready is there at the first poll.
    let refused = || Err(Rejection::hook(StatusCode::INTERNAL_SERVER_ERROR));
    subjects
        .now_or_never()
        .unwrap_or_else(refused)
        .map(Asked::Now)
}

impl Separate {
    /// The policies that are known before a request comes.
    pub(super) fn policies(&self) -> impl Iterator<Item = &Policy> {
        let subjects = iter::once(&self.first).chain(&self.also);
        subjects.filter_map(|hooks| hooks.policy.value())
    }

    fn ask(&self, parts: &Parts) -> Answers {
        let mut answers = Answers::default();
        for hooks in iter::once(&self.first).chain(&self.also) {
            let Some(subject) = SubjectAnswers::of(hooks, parts) else {
                continue;
            };
            let is_refused = subject.refused.is_some() && subject.are_ready();
            answers.subjects.push(subject);
            if is_refused {
                return answers;
            }
        }
        if !answers.subjects.is_empty() {
            answers.cost = Some(self.cost.ask(parts));
        }
        answers
    }
}

impl SubjectAnswers {
    /// `None` if the request is not limited as this subject.
    fn of(hooks: &SubjectHooks, parts: &Parts) -> Option<Self> {
        let mut answers = Self::default();
        match answers.ask(hooks, parts) {
            Ok(()) => {}
            Err(End::Exempt) => return None,
            Err(End::Refused(rejection)) => answers.refused = Some(rejection),
        }
        Some(answers)
    }

    fn ask(&mut self, hooks: &SubjectHooks, parts: &Parts) -> Result<(), End> {
        let ask = |hook: &Hook<String>| hook.ask(parts);
        self.policy = Some(hooks.policy.ask(parts)?);
        self.key = hooks.key.as_ref().map(ask).transpose()?;
        self.tenant = hooks.tenant.as_ref().map(ask).transpose()?;
        Ok(())
    }

    fn are_ready(&self) -> bool {
        is_ready(&self.policy) && is_ready(&self.key) && is_ready(&self.tenant)
    }

    async fn get(self) -> Result<Subject, End> {
        let policy = get(self.policy).await?;
        let key = get(self.key).await?;
        let tenant = get(self.tenant).await?;
        match (self.refused, policy) {
            (Some(rejection), _) => Err(End::Refused(rejection)),
            (None, Some(policy)) => Ok(Subject {
                policy,
                key,
                tenant,
                cost: Cost::ONE,
            }),
            (None, None) => Err(End::Exempt),
        }
    }
}

impl Answers {
    fn are_ready(&self) -> bool {
        let cost = self.cost.as_ref().and_then(|cost| cost.as_ref().ok());
        self.subjects.iter().all(SubjectAnswers::are_ready) && cost.is_none_or(Answer::is_ready)
    }

    /// Waits for the answers in the order of the questions.
    async fn get(self) -> Result<QuotaRequest, End> {
        let mut subjects = Vec::with_capacity(self.subjects.len());
        for answers in self.subjects {
            match answers.get().await {
                Ok(subject) => subjects.push(subject),
                Err(End::Exempt) => {}
                Err(refused) => return Err(refused),
            }
        }
        if let Some(cost) = self.cost {
            let cost = cost?.get().await?;
            for subject in &mut subjects {
                subject.cost = cost;
            }
        }
        Ok(QuotaRequest::of(subjects))
    }
}

fn is_ready<T>(answer: &Option<Answer<T>>) -> bool {
    answer.as_ref().is_none_or(Answer::is_ready)
}

async fn get<T>(answer: Option<Answer<T>>) -> Result<Option<T>, End> {
    match answer {
        Some(answer) => answer.get().await.map(Some),
        None => Ok(None),
    }
}
