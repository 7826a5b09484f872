use super::*;
use crate::services::google_token::tests::token;
use crate::services::wire::testing::{Answer, ask, world};
use jiff::SignedDuration;

struct Client {
    sheets: Imitation,
    token: String,
}

impl Client {
    async fn new(world: &World) -> Self {
        Self { sheets: imitation(world.clone()), token: token(world).await }
    }

    async fn send(&self, method: &str, rest: &str, body: Option<Value>) -> Answer {
        let path = format!("/v4/spreadsheets/{SPREADSHEET_ID}{rest}");
        let asked = ask(method, &path).header("authorization", &format!("Bearer {}", self.token));
        match body {
            Some(body) => asked.json(&body).of(&self.sheets).await,
            None => asked.of(&self.sheets).await,
        }
    }

    async fn get(&self, rest: &str) -> Value {
        self.send("GET", rest, None).await.json(200)
    }
}

#[tokio::test]
async fn a_report_is_copied_from_the_template_renamed_and_filled() {
    let world = world();
    let client = Client::new(&world).await;
    let book = client.get("").await;
    assert_eq!(book["sheets"][0]["properties"]["title"], "template");

    let copy = json!({"requests": [{"duplicateSheet": {"sourceSheetId": 0, "insertSheetIndex": null, "newSheetId": null, "newSheetName": null}}]});
    let copied = client.send("POST", ":batchUpdate", Some(copy)).await.json(200);
    let properties = &copied["replies"][0]["duplicateSheet"]["properties"];
    assert_eq!(properties["title"], "Copy of template");
    let id = &properties["sheetId"];
    let rename = json!({"requests": [{"updateSheetProperties": {"properties": {"sheetId": id, "title": "4.20.1"}, "fields": "title"}}]});
    client.send("POST", ":batchUpdate", Some(rename)).await.json(200);
    assert_eq!(world.effects().counts()["sheet-tab:4.20.1"], 1);

    let link = "=HYPERLINK(\"https://jira/browse/ART-1\",\"ART-1\")";
    let put = client
        .send(
            "PUT",
            "/values/%274.20.1%27%21B4?valueInputOption=USER_ENTERED",
            Some(json!({"values": [[link]]})),
        )
        .await
        .json(200);
    assert_eq!((&put["updatedRange"], &put["updatedCells"]), (&json!("'4.20.1'!B4"), &json!(1)));
    assert_eq!(
        client.get("/values/%274.20.1%27%21B4?valueRenderOption=FORMATTED_VALUE").await["values"],
        json!([["ART-1"]])
    );
    assert_eq!(
        client.get("/values/%274.20.1%27%21B4?valueRenderOption=FORMULA").await["values"],
        json!([[link]])
    );

    let data = json!({"valueInputOption": "USER_ENTERED", "data": [
        {"range": "'4.20.1'!B8", "values": [["Pass"]]}, {"range": "'4.20.1'!C8:E9", "values": [["OCPBUGS-1", "", "ON_QA"], ["OCPBUGS-2"]]},
    ]});
    let written = client.send("POST", "/values:batchUpdate", Some(data)).await.json(200);
    assert_eq!(written["totalUpdatedCells"], 5);
    let both =
        client.get("/values:batchGet?ranges=%274.20.1%27%21A8%3AB9&ranges=%274.20.1%27%21C8%3AE").await;
    assert_eq!(
        both["valueRanges"][0]["values"],
        json!([["Take ownership of advisories", "Pass"], ["Bug to be verified", "Not Started"]])
    );
    assert_eq!(both["valueRanges"][1]["values"], json!([["OCPBUGS-1", "", "ON_QA"], ["OCPBUGS-2"]]));

    let rich = json!({"requests": [{"updateCells": {
        "rows": [{"values": [{"userEnteredValue": {"stringValue": "rpm: 1"}, "textFormatRuns": [{"startIndex": 0, "format": {}}, {"startIndex": 5, "format": {"link": {"uri": "https://errata/1"}}}]}]}],
        "range": {"sheetId": id, "startRowIndex": 1, "endRowIndex": 2, "startColumnIndex": 1, "endColumnIndex": 2}, "fields": "*",
    }}]});
    client.send("POST", ":batchUpdate", Some(rich)).await.json(200);
    assert_eq!(client.get("/values/%274.20.1%27%21B2").await["values"], json!([["rpm: 1"]]));
    assert!(client.get("/values/%274.20.1%27%21H8%3AH").await.get("values").is_none());
    assert_eq!(client.get("/values/template%21B8").await["values"], json!([["Not Started"]]));
}

#[tokio::test]
async fn wrong_requests_are_refused_as_google_refuses_them() {
    let world = world();
    let client = Client::new(&world).await;
    let problem = |answer: Answer, code: u16| {
        let error = answer.json(code)["error"].clone();
        assert_eq!(error["code"], code);
        (error["status"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
    };
    let (word, why) = problem(client.send("GET", "/values/%274.20.9%27%21A1", None).await, 400);
    assert_eq!((word.as_str(), why.as_str()), ("INVALID_ARGUMENT", "Unable to parse range: '4.20.9'!A1"));
    let unset = client.send("PUT", "/values/template%21A1", Some(json!({"values": [["x"]]}))).await;
    assert_eq!(problem(unset, 400).1, "'valueInputOption' is required but not specified");
    let half =
        json!({"requests": [{"addSheet": {"properties": {"title": "x"}}}, {"deleteSheet": {"sheetId": 77}}]});
    assert_eq!(
        problem(client.send("POST", ":batchUpdate", Some(half)).await, 400).1,
        "Invalid requests[1].deleteSheet: No grid with id: 77"
    );
    assert_eq!(client.get("").await["sheets"].as_array().unwrap().len(), 1);

    let sheets = &client.sheets;
    let path = format!("/v4/spreadsheets/{SPREADSHEET_ID}");
    assert_eq!(problem(ask("GET", &path).of(sheets).await, 403).0, "PERMISSION_DENIED");
    assert_eq!(
        problem(ask("GET", &path).header("authorization", "Bearer x").of(sheets).await, 401).0,
        "UNAUTHENTICATED"
    );
    let other = ask("GET", "/v4/spreadsheets/other")
        .header("authorization", &format!("Bearer {}", client.token))
        .of(sheets)
        .await;
    assert_eq!(problem(other, 404).0, "NOT_FOUND");
    world.advance_to(world.now() + SignedDuration::from_hours(1));
    assert_eq!(problem(client.send("GET", "", None).await, 401).0, "UNAUTHENTICATED");
}
