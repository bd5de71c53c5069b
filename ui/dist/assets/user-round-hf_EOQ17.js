<<<<<<<< HEAD:ui/dist/assets/user-round-U9A0o11d.js
import{Dn as e,En as t,It as n}from"./index-CMsfA5hw.js";var r=new Set([`$$slots`,`$$events`,`$$legacy`]);function i(i,a){let o=t(a,r),s={name:`user-round`,size:24,node:[[`circle`,{cx:`12`,cy:`8`,r:`5`}],[`path`,{d:`M20 21a8 8 0 0 0-16 0`}]],aliases:[`user-2`]};n(i,e(()=>o,{get icon(){return s}}))}export{i as t};
========
import{Dn as e,En as t,It as n}from"./index-I7y4l8Cr.js";var r=new Set([`$$slots`,`$$events`,`$$legacy`]);function i(i,a){let o=t(a,r),s={name:`user-round`,size:24,node:[[`circle`,{cx:`12`,cy:`8`,r:`5`}],[`path`,{d:`M20 21a8 8 0 0 0-16 0`}]],aliases:[`user-2`]};n(i,e(()=>o,{get icon(){return s}}))}export{i as t};
>>>>>>>> 3873534 (calendar: draw the hours and the list where they are looked at; a crowd of an hour opens in place):ui/dist/assets/user-round-B0LkZW5R.js
