#include "stages/pipeline/timeline_style.h"

#include "base/digest.h"
#include "base/memory.h"

#include <openssl/evp.h>

const char timeline_style[] =
    /* By day */
    ":root{color-scheme:light dark;--back:#f4f5f8;--card:#fff;--ink:#1b2130;--soft:#626c80;--line:#e2e5ec;--hover:#f7f8fb;"
    "--code:#fbfbfd;--pass:#1f8f56;--fail:#d1344b;--warn:#b7791f;--calm:#8a93a6;--go:#2f6fde;--prepare:#a9b6d3;"
    "--files:#5fa8b8;--cleanup:#cfd4df;--wait:#b9c0ce;--passback:#e3f5ea;--failback:#fde7ea;--warnback:#fdf1dc;"
    "--calmback:#eceef3;--goback:#e4edfd;"
    "--c0:#3b4252;--c1:#c02a3f;--c2:#1d7f49;--c3:#9a6700;--c4:#2459c4;--c5:#8a3fb0;--c6:#0f7583;--c7:#6b7487;--c8:#7b8496;"
    "--c9:#d1344b;--c10:#1f8f56;--c11:#b7791f;--c12:#2f6fde;--c13:#a04fc9;--c14:#13889a;--c15:#1b2130}"
    /* By night */
    "@media(prefers-color-scheme:dark){:root{--back:#0f1217;--card:#171b22;--ink:#e5e9f1;--soft:#929db2;--line:#262c37;"
    "--hover:#1c212a;--code:#11151b;--pass:#3fba7c;--fail:#f2647a;--warn:#e0a84a;--calm:#7d879b;--go:#6a9cff;--prepare:#4b5a7c;"
    "--files:#3f7f8d;--cleanup:#353d4b;--wait:#414a5a;--passback:#14301f;--failback:#3a1820;--warnback:#35270f;"
    "--calmback:#232934;--goback:#182747;"
    "--c0:#5b6475;--c1:#f2647a;--c2:#4cc38a;--c3:#e0a84a;--c4:#6a9cff;--c5:#c58bea;--c6:#4fc1d3;--c7:#c5ccd9;--c8:#8a94a8;"
    "--c9:#ff8798;--c10:#6fdba6;--c11:#f3c677;--c12:#93b7ff;--c13:#dcaef7;--c14:#7fdbe8;--c15:#fff}}"
    /* The page */
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--back);color:var(--ink);font:14px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',"
    "sans-serif}"
    "main{max-width:1320px;margin:0 auto;padding:32px 24px 64px}"
    "h1{font-size:22px;line-height:1.3;margin:0;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}"
    ".head{display:flex;gap:14px;align-items:center;flex-wrap:wrap}"
    ".facts{color:var(--soft);margin:8px 0 0;display:flex;flex-wrap:wrap;gap:4px 18px}"
    ".facts b{color:var(--ink);font-weight:600}"
    "code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
    ".pill{display:inline-block;border-radius:999px;padding:2px 11px;font-size:12px;font-weight:600;white-space:nowrap}"
    ".passed .pill,.pill.passed{background:var(--passback);color:var(--pass)}"
    ".failed .pill,.pill.failed{background:var(--failback);color:var(--fail)}"
    ".warning .pill,.pill.warning,.canceled .pill,.pill.canceled{background:var(--warnback);color:var(--warn)}"
    ".pill,.skipped .pill,.manual .pill{background:var(--calmback);color:var(--soft)}"
    ".running .pill,.pill.running{background:var(--goback);color:var(--go)}"
    ".legend{display:flex;flex-wrap:wrap;gap:6px 18px;color:var(--soft);font-size:12px;margin:22px 2px 10px}"
    ".legend span{display:inline-flex;align-items:center;gap:7px}"
    ".legend svg{width:22px;height:10px}"
    /* The waterfall */
    ".card{background:var(--card);border:1px solid var(--line);border-radius:12px;overflow:hidden;position:relative}"
    ".row,summary,.axis{display:grid;grid-template-columns:minmax(130px,250px) minmax(0,1fr) 84px 92px;gap:14px;"
    "align-items:center;padding:0 18px}"
    ".axis{height:34px;border-bottom:1px solid var(--line);color:var(--soft);font-size:11px}"
    ".axis svg{width:100%;height:34px;overflow:visible}.axis text{fill:var(--soft);font-size:11px}"
    ".stage{padding:13px 18px 5px;font-size:12px;font-weight:600;color:var(--soft);overflow-wrap:anywhere}"
    "summary{list-style:none;cursor:pointer;min-height:36px}"
    "summary::-webkit-details-marker{display:none}"
    "summary:hover,details[open]>summary{background:var(--hover)}"
    "summary:focus-visible{outline:2px solid var(--go);outline-offset:-2px}"
    ".idle{min-height:32px;color:var(--soft)}"
    ".name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-weight:550}"
    ".idle .name{font-weight:400}"
    ".name::before{content:'›';display:inline-block;width:14px;color:var(--soft);transition:transform .12s}"
    ".idle .name::before{content:''}"
    "details[open]>summary .name::before{transform:rotate(90deg) translate(1px,4px)}"
    ".in1 .name{padding-left:16px}.in2 .name{padding-left:32px}"
    ".time{text-align:right;color:var(--soft);font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".state{text-align:right}"
    ".bar{display:block;width:100%;height:22px}"
    ".tick{stroke:var(--line);stroke-width:1}"
    ".wait{stroke:var(--wait);stroke-width:2;stroke-dasharray:2 4}"
    ".preparing{fill:var(--prepare)}.files{fill:var(--files)}.cleanup{fill:var(--cleanup)}.run{fill:var(--go)}"
    ".passed .run{fill:var(--pass)}.failed .run{fill:var(--fail)}.warning .run,.canceled .run{fill:var(--warn)}"
    /* One job */
    ".body{border-top:1px solid var(--line);border-bottom:1px solid var(--line);background:var(--code);padding:14px 18px 18px}"
    ".try{margin:0 0 8px;font-weight:600}.body .try:not(:first-child){margin-top:18px}"
    ".steps{display:flex;flex-wrap:wrap;gap:4px 16px;margin:0 0 12px;padding:0;list-style:none;color:var(--soft);font-size:12px}"
    ".steps b{color:var(--ink);font-weight:550;font-variant-numeric:tabular-nums}"
    "pre{margin:0;font-size:12.5px;line-height:1.55;max-height:72vh;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;"
    "border:1px solid var(--line);border-radius:8px;background:var(--card);padding:12px 14px;tab-size:8}"
    ".cut{color:var(--soft);font-size:12px;margin:0 0 6px}"
    "footer{color:var(--soft);font-size:12px;margin-top:18px}"
    "@media(max-width:760px){main{padding:20px 12px}.row,summary,.axis{grid-template-columns:minmax(0,1fr) 70px 88px;padding:0 12px}"
    ".axis svg,.bar{display:none}.axis{display:none}}"
    /* A log's colours */
    ".b{font-weight:650}.d{opacity:.65}.i{font-style:italic}.u{text-decoration:underline}"
    ".f0{color:var(--c0)}.f1{color:var(--c1)}.f2{color:var(--c2)}.f3{color:var(--c3)}.f4{color:var(--c4)}.f5{color:var(--c5)}"
    ".f6{color:var(--c6)}.f7{color:var(--c7)}.f8{color:var(--c8)}.f9{color:var(--c9)}.f10{color:var(--c10)}.f11{color:var(--c11)}"
    ".f12{color:var(--c12)}.f13{color:var(--c13)}.f14{color:var(--c14)}.f15{color:var(--c15)}"
    ".g0,.g8{background:#3b4252;color:#fff}.g1,.g9{background:#b3263a;color:#fff}.g2,.g10{background:#1d7f49;color:#fff}"
    ".g3,.g11{background:#e0a84a;color:#1b2130}.g4,.g12{background:#2459c4;color:#fff}.g5,.g13{background:#8a3fb0;color:#fff}"
    ".g6,.g14{background:#0f7583;color:#fff}.g7,.g15{background:#d5dae4;color:#1b2130}";

char *timeline_style_hash(void)
{
    unsigned char digest[DIGEST_BYTES];
    char text[2 * sizeof(digest)];

    digest_sha256(timeline_style, digest);
    (void)EVP_EncodeBlock((unsigned char *)text, digest, sizeof(digest));
    return xasprintf("sha256-%s", text);
}
