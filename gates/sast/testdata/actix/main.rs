use actix_cors::Cors;
use actix_web::{get, post, web, App, HttpResponse, HttpServer, Responder};
use serde::Deserialize;
use sqlx::PgPool;
use std::fs;
use std::process::Command;

#[derive(Deserialize)]
struct Search {
    term: String,
    page: u32,
}

#[get("/search")]
async fn search(pool: web::Data<PgPool>, q: web::Query<Search>) -> impl Responder {
    let sql = format!("SELECT * FROM items WHERE name LIKE '%{}%'", q.term);
    let rows = sqlx::query(&sql).fetch_all(pool.get_ref()).await; // want rs-sql-injection rs-sql-built
    let safe = sqlx::query("SELECT * FROM items WHERE name = $1").bind(&q.term).fetch_all(pool.get_ref()).await;
    HttpResponse::Ok().json((rows.is_ok(), safe.is_ok()))
}

#[get("/files/{name}")]
async fn file(name: web::Path<String>) -> impl Responder {
    let text = fs::read_to_string(format!("files/{}", name)); // want rs-path-traversal
    let index = fs::read_to_string("files/index.html");
    HttpResponse::Ok().body(text.or(index).unwrap_or_default())
}

#[post("/run")]
async fn run(body: web::Json<Search>) -> impl Responder {
    let out = Command::new("grep").arg("-c").arg(&body.term).output();
    let line = format!("grep {} log", body.term);
    let bad = Command::new("sh").arg("-c").arg(&line).output(); // want rs-command-injection
    HttpResponse::Ok().json((out.is_ok(), bad.is_ok()))
}

fn bits(x: u32) -> f32 {
    unsafe { std::mem::transmute(x) } // want rs-unsafe-block rs-transmute
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let client = reqwest::Client::builder().danger_accept_invalid_certs(true).build(); // want rs-tls-verify-off
    println!("{} {:?}", bits(1), client.is_ok());
    HttpServer::new(|| App::new().wrap(Cors::permissive()).service(search).service(file).service(run)) // want rs-cors-any
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}
