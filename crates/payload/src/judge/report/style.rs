//! The report's look: one sheet, light and dark, narrow and printed.
//!
//! Every colour that carries meaning comes with a shape or a word, so that nothing is told by colour alone. Text meets
//! a contrast of 4.5 to 1 on its ground in both schemes.

/// The style sheet.
pub(super) const SHEET: &str = r"
:root{color-scheme:light dark;
--ground:#f5f6f8;--card:#fff;--ink:#16202e;--soft:#556173;--line:#dce1e8;--faint:#eceff3;
--pass:#13794a;--pass-soft:#d9f0e3;--fail:#b8212f;--fail-soft:#fbe3e4;--flake:#8f5600;--flake-soft:#fdeccb;
--skip:#6a7585;--inform:#2357b5;--inform-soft:#e2ebfb;--shadow:0 1px 2px rgba(20,30,50,.07),0 4px 14px rgba(20,30,50,.04)}
@media (prefers-color-scheme:dark){:root{
--ground:#10151c;--card:#1a212b;--ink:#e8edf4;--soft:#a2aebd;--line:#313c4a;--faint:#242d39;
--pass:#58c98e;--pass-soft:#17392a;--fail:#ff8088;--fail-soft:#451f26;--flake:#f0b14f;--flake-soft:#40300f;
--skip:#93a0b0;--inform:#8bb2ff;--inform-soft:#1d2f52;--shadow:none}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}
main,header.top,footer{max-width:1120px;margin:0 auto;padding:0 20px}
a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:2px}
a:hover{text-decoration-thickness:2px}
:focus-visible{outline:3px solid var(--inform);outline-offset:2px;border-radius:3px}
.skip-link{position:absolute;left:-999px}.skip-link:focus{left:12px;top:8px;background:var(--card);padding:6px 12px;z-index:1}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:.88em}
h1,h2,h3,p{margin:0}h1{font-size:19px;font-weight:650;overflow-wrap:anywhere}
h2{font-size:18px;font-weight:650;margin:0 0 2px}h3{font-size:15.5px;font-weight:650;line-height:1.35;overflow-wrap:anywhere}
header.top{padding-top:26px}
.labels{color:var(--soft);margin-top:2px;overflow-wrap:anywhere}
.verdict{margin:16px 0 0;border-radius:14px;padding:20px 24px;background:var(--card);box-shadow:var(--shadow);
border:1px solid var(--line);border-left:8px solid var(--tone);display:grid;grid-template-columns:auto 1fr;gap:4px 18px;align-items:center}
.verdict.passed{--tone:var(--pass);--tone-soft:var(--pass-soft)}.verdict.failed{--tone:var(--fail);--tone-soft:var(--fail-soft)}
.verdict .seal{width:58px;height:58px;border-radius:50%;background:var(--tone-soft);color:var(--tone);display:grid;place-items:center}
.verdict .word{font-size:28px;line-height:1.15;font-weight:720;color:var(--tone);letter-spacing:-.01em}
.verdict .sentence{font-size:16.5px}
.verdict ul{grid-column:1/-1;margin:10px 0 0;padding:10px 0 0 20px;border-top:1px solid var(--line)}.verdict li{margin:2px 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:14px 0 0;padding:0}
.figure{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 16px;box-shadow:var(--shadow);
display:flex;flex-direction:column}
.figure dt{color:var(--soft);font-size:13px}.figure dd{margin:0}
.figure .big{font-size:25px;font-weight:680;line-height:1.2;font-variant-numeric:tabular-nums}
.figure .big.bad{color:var(--fail)}.figure .more{color:var(--soft);font-size:13px}
nav.jump{margin:14px 0 0;display:flex;flex-wrap:wrap;gap:6px 16px;font-size:14px}
section{margin:30px 0 0}.lead{color:var(--soft);margin:0 0 12px;max-width:76ch}
.panel{background:var(--card);border:1px solid var(--line);border-radius:12px;box-shadow:var(--shadow);padding:16px 18px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:14px}
.pair .panel{min-width:0}.panel h3{margin-bottom:2px}.panel>p:not(.good){color:var(--soft);font-size:14px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{font-weight:600;color:var(--soft);font-size:12.5px;text-align:left;white-space:nowrap}
th,td{padding:7px 12px 7px 0;border-bottom:1px solid var(--line);vertical-align:middle}
tbody tr:last-child>*{border-bottom:0}tbody th{color:var(--ink);font-size:14px;font-weight:500;white-space:normal}
.nowrap{white-space:nowrap}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.pill{display:inline-block;border-radius:99px;padding:1px 10px;font-size:12.5px;font-weight:600;white-space:nowrap}
.pill.pass{color:var(--pass);background:var(--pass-soft)}.pill.fail{color:var(--fail);background:var(--fail-soft)}
.pill.flake{color:var(--flake);background:var(--flake-soft)}.pill.inform{color:var(--inform);background:var(--inform-soft)}
.pill.skip{color:var(--soft);background:var(--faint)}
.pills{display:flex;flex-wrap:wrap;gap:6px;justify-content:flex-end;flex:none;max-width:45%}
.card{background:var(--card);border:1px solid var(--line);border-left:5px solid var(--fail);border-radius:12px;box-shadow:var(--shadow);
padding:14px 18px 16px;margin:0 0 14px}
.card.inform{border-left-color:var(--inform)}
.card .head{display:flex;gap:12px;justify-content:space-between;align-items:flex-start}
.suite{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.card .reason{margin:8px 0 12px;max-width:88ch}
.card .message{margin:-4px 0 12px;max-width:88ch;overflow-wrap:anywhere;font-size:14px}.card .message span{color:var(--soft)}
.card .body{display:grid;grid-template-columns:minmax(0,1fr) 330px;gap:14px 28px;align-items:start}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(112px,auto));justify-content:start;gap:10px 26px;margin:14px 0 0}
.facts dt{color:var(--soft);font-size:12.5px}.facts dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}
.facts dd{white-space:nowrap}.facts dd small{font-weight:400;color:var(--soft)}
.next{margin-top:12px;color:var(--soft);font-size:14px}
.dots{display:flex;flex-wrap:wrap;gap:5px;list-style:none;margin:0;padding:0}
.dots li{display:block;text-align:center;font-size:11px;color:var(--soft);line-height:1.2;font-variant-numeric:tabular-nums}
.dots a{display:block;text-decoration:none}.dots svg{display:block;width:24px;height:24px}
.dots.small{gap:2px;flex-wrap:nowrap}.dots.small svg{width:16px;height:16px}
.s-pass{color:var(--pass)}.s-fail{color:var(--fail)}.s-flake{color:var(--flake)}.s-skip,.s-none{color:var(--skip)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;color:var(--soft);font-size:13px;margin:0 0 12px;padding:0;list-style:none}
.legend li{display:flex;gap:6px;align-items:center}.legend svg{width:16px;height:16px}
figure{margin:0}figcaption{color:var(--soft);font-size:12.5px;margin-top:2px}
svg.chart{display:block;width:100%;height:auto;overflow:visible}
svg.chart text{fill:var(--soft);font-size:11.5px;font-family:inherit}svg.chart text{paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}svg.chart text.strong{fill:var(--ink);font-weight:650}
svg.chart .axis{stroke:var(--line);stroke-width:1}svg.chart .grid{stroke:var(--faint);stroke-width:1}
svg.chart .limit{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:5 4;fill:none}svg.chart .zone{fill:var(--fail-soft);opacity:.7}
svg.chart .f-pass{fill:var(--pass)}svg.chart .f-fail{fill:var(--fail)}svg.chart .f-inform{fill:var(--inform)}
svg.chart .f-skip{fill:var(--skip)}svg.chart .f-soft{fill:var(--skip);opacity:.45}svg.chart .f-fail-soft{fill:var(--fail);opacity:.3}
svg.chart .ring{fill:none;stroke:var(--ink);stroke-width:1.5}
svg.chart .line{fill:none;stroke:var(--inform);stroke-width:2.5;stroke-linejoin:round}svg.chart .line.thin{stroke:var(--skip);stroke-width:1.5}
.bar{display:block;height:8px;border-radius:4px;background:var(--faint);min-width:90px;overflow:hidden}
.bar i{display:block;height:100%;background:var(--skip)}
details>summary{cursor:pointer;font-weight:600;padding:2px 0}details[open]>summary{margin-bottom:8px}
.notes li{overflow-wrap:anywhere;margin:3px 0}.good{display:flex;gap:10px;align-items:center;color:var(--pass);font-weight:600}
footer{color:var(--soft);font-size:13px;padding-top:30px;padding-bottom:34px}
@media (max-width:760px){main,header.top,footer{padding-left:12px;padding-right:12px}.verdict{padding:16px;gap:4px 12px}
.verdict .seal{width:44px;height:44px}.verdict .word{font-size:23px}.verdict .sentence{font-size:15.5px;grid-column:1/-1}
.card .body{grid-template-columns:minmax(0,1fr)}.card .head{flex-direction:column;gap:6px}.pills{max-width:none;justify-content:flex-start}
svg.chart.wide text{font-size:16px}.panel{padding:14px}
.figures{grid-template-columns:1fr 1fr}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
@media print{:root{--ground:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--faint:#e6e6e6;--shadow:none;
--pass:#13794a;--pass-soft:#d9f0e3;--fail:#b8212f;--fail-soft:#fbe3e4;--flake:#8f5600;--flake-soft:#fdeccb;--skip:#666;
--inform:#2357b5;--inform-soft:#e2ebfb}
body{font-size:11pt}nav.jump,.skip-link{display:none}.card,.panel,tr,.verdict{break-inside:avoid}h2{break-after:avoid}.scroll{overflow:visible}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
";

/// The signs of a run's outcome, used by reference: each its own shape, so that they differ without colour.
pub(super) const SIGNS: &str = r#"<svg width="0" height="0" style="position:absolute" aria-hidden="true" focusable="false"><defs>
<symbol id="s-pass" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9.5" fill="var(--pass-soft)" stroke="currentColor" stroke-width="1.5"/><path d="M7.5 12.4l3 3 6-6.6" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="s-fail" viewBox="0 0 24 24"><rect x="2" y="2" width="20" height="20" rx="4" fill="currentColor"/><path d="M8 8l8 8M16 8l-8 8" fill="none" stroke="var(--card)" stroke-width="2.4" stroke-linecap="round"/></symbol>
<symbol id="s-flake" viewBox="0 0 24 24"><path d="M12 1.8L22.2 12 12 22.2 1.8 12z" fill="var(--flake-soft)" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round"/><path d="M7.6 13.2c1.5-2.6 3-2.6 4.4-1.2s2.9 1.4 4.4-1.2" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></symbol>
<symbol id="s-skip" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9.5" fill="none" stroke="currentColor" stroke-width="1.2" stroke-dasharray="3 2.4"/><path d="M8 12h8" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></symbol>
<symbol id="s-none" viewBox="0 0 24 24"><circle cx="12" cy="12" r="2.4" fill="currentColor" opacity=".6"/></symbol>
</defs></svg>"#;
