//! Drawings: things to hear and to watch.

pub(super) const HEADPHONES: &str = r"
<path d='M88 240v-28a112 112 0 0 1 224 0v28' fill='none' stroke='{deep}' stroke-width='22' stroke-linecap='round'/><path d='M94 208a106 106 0 0 1 212 0' fill='none' stroke='{main}' stroke-width='14' stroke-linecap='round'/><path d='M140 128a92 92 0 0 1 120 0' fill='none' stroke='{light}' stroke-width='10' stroke-linecap='round'/>
<rect x='106' y='216' width='46' height='114' rx='22' fill='{ink}'/><rect x='248' y='216' width='46' height='114' rx='22' fill='{ink}'/>
<path d='M124 212h-18q-42 6-42 60t42 58h18z' fill='{main}'/><path d='M276 212h18q42 6 42 60t-42 58h-18z' fill='{main}'/><path d='M276 212h18q42 6 42 60t-42 58h-4q24-14 24-58t-28-60z' fill='{deep}'/><path d='M78 268q2-30 20-36' fill='none' stroke='{light}' stroke-width='8' stroke-linecap='round'/><circle cx='96' cy='290' r='7' fill='{accent}'/>";

pub(super) const EARBUDS: &str = r"
<path d='M104 236h192v42q0 52-52 52h-88q-52 0-52-52z' fill='{main}'/><path d='M244 236h52v42q0 52-52 52h-30q44-18 30-94z' fill='{deep}'/><path d='M104 240q2-70 96-70t96 70z' fill='{light}'/><path d='M118 240q6-54 82-54t82 54z' fill='{deep}'/><rect x='104' y='234' width='192' height='10' rx='5' fill='{deep}'/><circle cx='200' cy='284' r='7' fill='{accent}'/>
<g fill='{paper}'><path d='M126 96a30 30 0 1 1 44 38v66a12 12 0 0 1-24 0v-58q-20-14-20-46z'/><path d='M274 96a30 30 0 1 0-44 38v66a12 12 0 0 0 24 0v-58q20-14 20-46z'/></g><path d='M158 144h12v56a12 12 0 0 1-12 12zM242 144h-12v56a12 12 0 0 0 12 12z' fill='{steel}'/><path d='M170 74q20 0 20 22t-20 26q-8-24 0-48zM230 74q-20 0-20 22t20 26q8-24 0-48z' fill='{light}'/><path d='M170 74q20 0 20 22t-20 26q-8-24 0-48zM230 74q-20 0-20 22t20 26q8-24 0-48z' fill='{ink}' opacity='.3'/><path d='M150 200h8M242 200h8' stroke='{accent}' stroke-width='5' stroke-linecap='round'/>";

pub(super) const SPEAKER: &str = r"
<rect x='116' y='76' width='168' height='254' rx='38' fill='{main}'/><path d='M246 76q38 0 38 38v178q0 38-38 38h-22q30-6 30-38V114q0-32-30-38z' fill='{deep}'/>
<circle cx='194' cy='238' r='60' fill='{deep}'/><circle cx='194' cy='238' r='50' fill='{ink}'/><circle cx='194' cy='238' r='34' fill='{dull}'/><circle cx='194' cy='238' r='17' fill='{ink}'/><circle cx='194' cy='134' r='33' fill='{deep}'/><circle cx='194' cy='134' r='26' fill='{ink}'/><circle cx='194' cy='134' r='11' fill='{dull}'/><path d='M158 216a44 44 0 0 1 22-20' fill='none' stroke='{paper}' stroke-width='6' stroke-linecap='round' opacity='.7'/>
<path d='M132 118q2-26 28-28' fill='none' stroke='{light}' stroke-width='8' stroke-linecap='round'/><circle cx='194' cy='312' r='5' fill='{accent}'/>";

pub(super) const TELEVISION: &str = r"
<path d='M112 280l-16 50h14l22-50zM288 280l16 50h-14l-22-50z' fill='{dull}'/><rect x='36' y='96' width='328' height='192' rx='10' fill='{ink}'/><rect x='43' y='103' width='314' height='176' rx='4' fill='{light}'/>
<circle cx='268' cy='158' r='30' fill='{accent}'/><path d='M43 226l74-72 56 54 40-36 78 68 36-30 30 26v39a4 4 0 0 1-4 4H47a4 4 0 0 1-4-4z' fill='{main}'/><path d='M43 254q80-40 156-10t158-12v43a4 4 0 0 1-4 4H47a4 4 0 0 1-4-4z' fill='{deep}'/><path d='m117 154 19 18-19 10-17-11zM213 172l16 14-14 6-12-11z' fill='{paper}'/>";
