//! scratch
use regatta_statebox::*;
use regatta_statebox::check::*;
#[test] fn scratch() {
    let mut n=0; let mut diff=0; let mut faults=0;
    for d in std::fs::read_dir("/tmp/hist").unwrap() { for f in walk(&d.unwrap().path()) {
        let t=std::fs::read_to_string(&f).unwrap(); n+=1;
        let r=validate(&t,Layout::Yaml,&forward_only);
        if !r.faults.is_empty() { faults+=1; println!("{} {}", f.display(), r.faults[0]); }
        else if StateBox::parse(&t,Layout::Yaml).unwrap().0.render(Layout::Yaml)!=t { diff+=1; }
    }}
    println!("RESULT {n} files, {faults} faults, {diff} diff");
    for name in ["4.20.18","4.18.38","4.20.6"] {
    let t=std::fs::read_to_string(format!("/work/shared/data/statebox/dev/tip/{name}.yaml")).unwrap();
    for json in [false,true] {
    let t = if json { StateBox::parse(&t,Layout::Yaml).unwrap().0.render(Layout::Json) } else { t.clone() };
    let t=&t[..t.char_indices().nth(3000).unwrap().0]; let mut x=12345u64; let mut ok=0;
    for _ in 0..6000 { let mut b:Vec<u8>=t.bytes().collect();
        for _ in 0..3 { x=x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); let i=(x>>33) as usize%b.len(); let c=b"\n :-'\"|>{}[],&*!#?%\tx0"[(x>>20) as usize%22]; if x&1==0 {b[i]=c} else {b.remove(i);} }
        let tail = if json {""} else {"\nissues: []\n"};
        if let Ok(s)=String::from_utf8(b) { let s=s+tail; ok+=StateBox::parse(&s,Layout::guess(&s)).is_ok() as u32; } }
    println!("RESULT fuzz ok {ok}"); } }
}
fn walk(p:&std::path::Path)->Vec<std::path::PathBuf>{ let mut v=vec![]; for e in std::fs::read_dir(p).unwrap(){let p=e.unwrap().path(); if p.is_dir(){v.extend(walk(&p))} else if p.extension().is_some_and(|x|x=="yaml"){v.push(p)}} v}
