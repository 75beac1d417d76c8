//! Registering, logging in and out.

use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::json;

use super::api::{EntryError, Member, Membership, PASSWORD_CHARS_MIN, local_path};
use crate::clock;
use crate::web::input::{Fields, Params};
use crate::web::pages::{FieldProblem, LoginPage, RegisterPage};
use crate::web::problem::Problem;
use crate::web::site::{Site, personal};
use crate::web::visit::{Visit, clear_cookie, set_cookie};

const WRONG_CREDENTIALS: &str = "No account has this e-mail address and password.";
const TAKEN: &str = "This e-mail address has an account already. Log in instead?";

#[derive(Clone)]
struct Context {
    site: Site,
    membership: Membership,
}

impl FromRef<Context> for Membership {
    fn from_ref(context: &Context) -> Membership {
        context.membership.clone()
    }
}

pub(crate) fn routes(site: Site, membership: Membership) -> Router {
    Router::new()
        .route("/login", get(login_form).post(login))
        .route("/register", get(register_form).post(register))
        .route("/logout", post(logout))
        .route("/api/login", post(api_login))
        .route("/api/register", post(api_register))
        .with_state(Context { site, membership })
}

async fn login_form(State(context): State<Context>, Params(params): Params) -> Response {
    login_page(&context, &params, None, StatusCode::OK).await
}

async fn login(State(context): State<Context>, visit: Visit, fields: Fields) -> Result<Response, Problem> {
    match context.membership.authenticate(fields.text("email"), fields.text("password")).await {
        Ok(member) => enter(&context, member, visit, local_path(fields.text("next"))).await,
        Err(EntryError::WrongCredentials) => {
            Ok(login_page(&context, &fields, Some(WRONG_CREDENTIALS), StatusCode::UNAUTHORIZED).await)
        }
        Err(error) => Err(error.into()),
    }
}

async fn register_form(State(context): State<Context>, Params(params): Params) -> Response {
    register_page(&context, &params, Vec::new(), None, StatusCode::OK).await
}

async fn register(State(context): State<Context>, visit: Visit, fields: Fields) -> Result<Response, Problem> {
    let [name, email, password] = ["name", "email", "password"].map(|name| fields.text(name));
    match context.membership.register(name, email, password, clock::now()).await {
        Ok(member) => enter(&context, member, visit, local_path(fields.text("next"))).await,
        Err(EntryError::Invalid(problems)) => {
            Ok(register_page(&context, &fields, problems, None, StatusCode::BAD_REQUEST).await)
        }
        Err(EntryError::Taken) => {
            Ok(register_page(&context, &fields, Vec::new(), Some(TAKEN), StatusCode::CONFLICT).await)
        }
        Err(error) => Err(error.into()),
    }
}

async fn logout(State(context): State<Context>, visit: Visit) -> Result<Response, Problem> {
    if let Some(sid) = &visit.sid {
        context.membership.end(sid).await?;
    }
    Ok(([clear_cookie(context.site.secure())], Redirect::to("/")).into_response())
}

async fn api_login(State(context): State<Context>, visit: Visit, fields: Fields) -> Result<Response, Problem> {
    let member = context.membership.authenticate(fields.text("email"), fields.text("password")).await?;
    greet(&context, member, visit, StatusCode::OK).await
}

async fn api_register(State(context): State<Context>, visit: Visit, fields: Fields) -> Result<Response, Problem> {
    // A program may leave the name out; it is then what stands before the @.
    let [email, password] = ["email", "password"].map(|name| fields.text(name));
    let name = fields.get("name").unwrap_or_else(|| email.split('@').next().unwrap_or_default());
    let member = context.membership.register(name, email, password, clock::now()).await?;
    greet(&context, member, visit, StatusCode::CREATED).await
}

/// Begins the member's session and goes on to where the visitor wanted to go.
async fn enter(context: &Context, member: Member, visit: Visit, next: &str) -> Result<Response, Problem> {
    let sid = context.membership.begin(member, visit.sid, clock::now()).await?;
    Ok(([set_cookie(&sid, context.site.secure())], Redirect::to(next)).into_response())
}

async fn greet(context: &Context, member: Member, visit: Visit, status: StatusCode) -> Result<Response, Problem> {
    let body = Json(json!({"name": member.name, "email": member.email}));
    let sid = context.membership.begin(member, visit.sid, clock::now()).await?;
    Ok((status, [set_cookie(&sid, context.site.secure())], body).into_response())
}

async fn login_page(context: &Context, typed: &Fields, notice: Option<&str>, status: StatusCode) -> Response {
    let page = LoginPage {
        frame: context.site.frame("Log in").await,
        email: typed.text("email").to_owned(),
        next: local_path(typed.text("next")).to_owned(),
        notice: notice.map(str::to_owned),
    };
    personal(status, &page)
}

async fn register_page(
    context: &Context,
    typed: &Fields,
    problems: Vec<(&'static str, String)>,
    notice: Option<&str>,
    status: StatusCode,
) -> Response {
    let page = RegisterPage {
        frame: context.site.frame("Create an account").await,
        name: typed.text("name").to_owned(),
        email: typed.text("email").to_owned(),
        next: local_path(typed.text("next")).to_owned(),
        password_length_min: PASSWORD_CHARS_MIN,
        problems: problems.into_iter().map(|(field, message)| FieldProblem { field, message }).collect(),
        notice: notice.map(str::to_owned),
    };
    personal(status, &page)
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Problem {
        match error {
            EntryError::Fault(fault) => fault.into(),
            EntryError::Crowded(_) => Problem::busy(),
            EntryError::Invalid(problems) => {
                let sentences: Vec<String> = problems.into_iter().map(|(_, message)| format!("{message}.")).collect();
                Problem::new(StatusCode::BAD_REQUEST, "invalid_fields", sentences.join(" "))
            }
            EntryError::Taken => Problem::new(StatusCode::CONFLICT, "email_taken", TAKEN),
            EntryError::WrongCredentials => {
                Problem::new(StatusCode::UNAUTHORIZED, "wrong_credentials", WRONG_CREDENTIALS)
            }
        }
    }
}
