//! Drawings: phones, computers, cameras and what is charged beside them.

pub(super) const PHONE: &str = r"
<rect x='180' y='64' width='122' height='262' rx='22' fill='{main}'/>
<path d='M280 64a22 22 0 0 1 22 22v218a22 22 0 0 1-22 22z' fill='{deep}'/>
<rect x='236' y='78' width='52' height='74' rx='17' fill='{deep}'/><rect x='236' y='78' width='52' height='74' rx='17' fill='{light}' opacity='.25'/>
<circle cx='262' cy='98' r='13' fill='{ink}'/><circle cx='262' cy='98' r='6' fill='{dull}'/><circle cx='262' cy='132' r='13' fill='{ink}'/><circle cx='262' cy='132' r='6' fill='{dull}'/>
<rect x='98' y='76' width='124' height='256' rx='22' fill='{ink}'/><rect x='104' y='82' width='112' height='244' rx='17' fill='{light}'/>
<path d='M104 240q40-50 70-20t42-14v103a17 17 0 0 1-17 17h-78a17 17 0 0 1-17-17z' fill='{main}'/>
<path d='M104 276q30-26 60-6t52-10v49a17 17 0 0 1-17 17h-78a17 17 0 0 1-17-17z' fill='{deep}'/>
<circle cx='182' cy='166' r='20' fill='{accent}'/><rect x='143' y='89' width='34' height='9' rx='4.5' fill='{ink}'/>
<rect x='120' y='118' width='44' height='8' rx='4' fill='{paper}' opacity='.9'/><rect x='120' y='132' width='28' height='6' rx='3' fill='{paper}' opacity='.7'/>";

pub(super) const TABLET: &str = r"
<rect x='84' y='90' width='232' height='240' rx='20' fill='{main}'/><rect x='84' y='90' width='226' height='240' rx='20' fill='{ink}'/>
<rect x='98' y='104' width='198' height='212' rx='8' fill='{glass}'/>
<path d='M98 246q52-60 98-22t100-30v114a8 8 0 0 1-8 8H106a8 8 0 0 1-8-8z' fill='{light}'/>
<path d='M98 280q60-44 110-14t88-16v58a8 8 0 0 1-8 8H106a8 8 0 0 1-8-8z' fill='{main}'/>
<circle cx='248' cy='150' r='22' fill='{accent}'/><rect x='116' y='124' width='74' height='10' rx='5' fill='{ink}' opacity='.75'/><rect x='116' y='142' width='46' height='7' rx='3.5' fill='{ink}' opacity='.35'/>
<path d='m302 326 34-190 10 2-34 190-7 8z' fill='{paper}'/><path d='m341 137 5 1-34 190-5 4z' fill='{steel}'/><path d='m336 136 2-10 10 2-2 10z' fill='{accent}'/>";

pub(super) const POWER_BANK: &str = r"
<rect x='124' y='92' width='138' height='238' rx='26' fill='{main}'/><path d='M236 92a26 26 0 0 1 26 26v186a26 26 0 0 1-26 26h-8V92z' fill='{deep}'/>
<path d='M138 116a12 12 0 0 1 12-12h20v214h-20a12 12 0 0 1-12-12z' fill='{light}' opacity='.45'/>
<rect x='170' y='80' width='34' height='12' rx='4' fill='{ink}'/>
<rect x='158' y='132' width='70' height='36' rx='10' fill='{ink}'/><circle cx='174' cy='150' r='4' fill='{accent}'/><circle cx='187' cy='150' r='4' fill='{accent}'/><circle cx='200' cy='150' r='4' fill='{accent}'/><circle cx='213' cy='150' r='4' fill='{dull}'/>
<path d='m198 208-22 38h18l-6 32 26-42h-18z' fill='{accent}'/>
<path d='M187 80V66q0-18 18-18h52q42 0 42 42v152' fill='none' stroke='{ink}' stroke-width='9' stroke-linecap='round'/><rect x='287' y='240' width='24' height='36' rx='6' fill='{ink}'/><rect x='292' y='276' width='14' height='16' rx='3' fill='{steel}'/>";

pub(super) const LAPTOP: &str = r"
<rect x='76' y='112' width='248' height='172' rx='14' fill='{ink}'/><rect x='86' y='122' width='228' height='152' rx='6' fill='{light}'/>
<path d='M86 224q60-58 116-18t112-34v96a6 6 0 0 1-6 6H92a6 6 0 0 1-6-6z' fill='{main}'/><path d='M86 252q66-40 122-14t106-14v44a6 6 0 0 1-6 6H92a6 6 0 0 1-6-6z' fill='{deep}'/>
<circle cx='264' cy='160' r='18' fill='{accent}'/><rect x='104' y='140' width='80' height='50' rx='7' fill='{paper}' opacity='.9'/><rect x='114' y='151' width='46' height='6' rx='3' fill='{deep}'/><rect x='114' y='164' width='58' height='5' rx='2.5' fill='{steel}'/><rect x='114' y='175' width='36' height='5' rx='2.5' fill='{steel}'/>
<path d='M44 286h312l-8 30a18 18 0 0 1-17 14H69a18 18 0 0 1-17-14z' fill='{steel}'/><path d='M44 286h312l-2 9H46z' fill='{paper}'/><path d='M164 286h72l-5 9a6 6 0 0 1-5 3h-52a6 6 0 0 1-5-3z' fill='{dull}' opacity='.7'/>";

pub(super) const MONITOR: &str = r"
<path d='M176 262h48l8 56h-64z' fill='{dull}'/><rect x='134' y='316' width='132' height='14' rx='7' fill='{steel}'/>
<rect x='54' y='88' width='292' height='182' rx='14' fill='{ink}'/><rect x='63' y='97' width='274' height='160' rx='7' fill='{glass}'/>
<path d='M63 208q70-66 132-24t142-38v104a7 7 0 0 1-7 7H70a7 7 0 0 1-7-7z' fill='{light}'/><path d='M63 236q80-44 148-14t126-18v46a7 7 0 0 1-7 7H70a7 7 0 0 1-7-7z' fill='{main}'/>
<circle cx='278' cy='132' r='18' fill='{accent}'/><rect x='82' y='114' width='92' height='58' rx='7' fill='{paper}'/><rect x='94' y='126' width='52' height='7' rx='3.5' fill='{deep}'/><rect x='94' y='141' width='68' height='5' rx='2.5' fill='{steel}'/><rect x='94' y='153' width='40' height='5' rx='2.5' fill='{steel}'/>";

pub(super) const KEYBOARD: &str = r"
<rect x='44' y='182' width='312' height='148' rx='20' fill='{deep}'/><rect x='44' y='172' width='312' height='146' rx='20' fill='{main}'/><rect x='56' y='184' width='288' height='122' rx='11' fill='{ink}' opacity='.3'/>
<g fill='{paper}'><rect x='64' y='191' width='32' height='24' rx='6' fill='{accent}'/><rect x='102' y='191' width='24' height='24' rx='6'/><rect x='132' y='191' width='24' height='24' rx='6'/><rect x='162' y='191' width='24' height='24' rx='6'/><rect x='192' y='191' width='24' height='24' rx='6'/><rect x='222' y='191' width='24' height='24' rx='6'/><rect x='252' y='191' width='24' height='24' rx='6'/><rect x='282' y='191' width='54' height='24' rx='6' fill='{light}'/>
<rect x='64' y='220' width='40' height='24' rx='6' fill='{light}'/><rect x='110' y='220' width='24' height='24' rx='6'/><rect x='140' y='220' width='24' height='24' rx='6'/><rect x='170' y='220' width='24' height='24' rx='6'/><rect x='200' y='220' width='24' height='24' rx='6'/><rect x='230' y='220' width='24' height='24' rx='6'/><rect x='260' y='220' width='24' height='24' rx='6'/><rect x='290' y='220' width='46' height='24' rx='6' fill='{accent}'/>
<rect x='64' y='249' width='54' height='24' rx='6' fill='{light}'/><rect x='124' y='249' width='24' height='24' rx='6'/><rect x='154' y='249' width='24' height='24' rx='6'/><rect x='184' y='249' width='24' height='24' rx='6'/><rect x='214' y='249' width='24' height='24' rx='6'/><rect x='244' y='249' width='24' height='24' rx='6'/><rect x='274' y='249' width='62' height='24' rx='6' fill='{light}'/>
<rect x='64' y='278' width='30' height='22' rx='6' fill='{light}'/><rect x='100' y='278' width='30' height='22' rx='6' fill='{light}'/><rect x='136' y='278' width='120' height='22' rx='6'/><rect x='262' y='278' width='34' height='22' rx='6' fill='{light}'/><rect x='302' y='278' width='34' height='22' rx='6' fill='{light}'/></g>
<path d='M200 172v-30q0-24 24-24h30' fill='none' stroke='{ink}' stroke-width='7' stroke-linecap='round'/>";

pub(super) const MOUSE: &str = r"
<path d='M118 200q0-96 82-96t82 96v44q0 86-82 86t-82-86z' fill='{main}'/><path d='M240 113q42 20 42 87v44q0 86-82 86-20 0-36-7 62-2 72-73 8-60 4-137z' fill='{deep}'/>
<path d='M196 104h8v92h-8z' fill='{deep}'/><path d='M118 196h164v7H118z' fill='{deep}'/><path d='M134 182q4-52 40-62-22 26-22 62z' fill='{light}' opacity='.7'/>
<rect x='186' y='128' width='28' height='54' rx='14' fill='{ink}'/><rect x='193' y='138' width='14' height='28' rx='7' fill='{accent}'/><circle cx='200' cy='286' r='6' fill='{accent}'/>";

pub(super) const CAMERA: &str = r"
<path d='M150 138l16-34h68l16 34z' fill='{deep}'/><rect x='96' y='118' width='40' height='24' rx='6' fill='{ink}'/><rect x='274' y='122' width='32' height='20' rx='6' fill='{accent}'/>
<rect x='62' y='136' width='276' height='194' rx='24' fill='{main}'/><path d='M62 186h276v94H62z' fill='{ink}'/><path d='M62 160a24 24 0 0 1 24-24h228a24 24 0 0 1 24 24v6H62z' fill='{light}' opacity='.6'/>
<circle cx='200' cy='234' r='82' fill='{steel}'/><circle cx='200' cy='234' r='72' fill='{ink}'/><circle cx='200' cy='234' r='54' fill='{dull}'/><circle cx='200' cy='234' r='46' fill='{ink}'/><circle cx='200' cy='234' r='28' fill='{main}'/><circle cx='200' cy='234' r='14' fill='{ink}'/><path d='M168 206a42 42 0 0 1 34-14' fill='none' stroke='{paper}' stroke-width='8' stroke-linecap='round' opacity='.8'/>
<circle cx='304' cy='156' r='8' fill='{paper}'/><rect x='180' y='112' width='40' height='15' rx='4' fill='{glass}'/>";

pub(super) const WATCH: &str = r"
<path d='M156 150l10-86q2-10 12-10h44q10 0 12 10l10 86zM156 242l10 78q2 10 12 10h44q10 0 12-10l10-78z' fill='{main}'/><path d='M218 54h4q10 0 12 10l10 86h-20zM224 242h20l-10 78q-2 10-12 10h-4z' fill='{deep}'/>
<rect x='278' y='182' width='12' height='30' rx='5' fill='{dull}'/><rect x='120' y='116' width='160' height='160' rx='46' fill='{steel}'/><rect x='128' y='124' width='144' height='144' rx='39' fill='{ink}'/>
<circle cx='200' cy='196' r='52' fill='none' stroke='{dull}' stroke-width='8' opacity='.45'/><path d='M200 144a52 52 0 1 1-46 76' fill='none' stroke='{accent}' stroke-width='8' stroke-linecap='round'/><path d='M200 164v33l22 15' fill='none' stroke='{paper}' stroke-width='7' stroke-linecap='round' stroke-linejoin='round'/><circle cx='200' cy='197' r='6' fill='{light}'/>";
