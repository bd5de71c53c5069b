<<<<<<<< HEAD:ui/dist/assets/user-round-D_KenjO_.js
import{Mt as e,On as t,kn as n}from"./index-CjIj0G_H.js";var r=new Set([`$$slots`,`$$events`,`$$legacy`]);function i(i,a){let o=t(a,r),s={name:`user-round`,size:24,node:[[`circle`,{cx:`12`,cy:`8`,r:`5`}],[`path`,{d:`M20 21a8 8 0 0 0-16 0`}]],aliases:[`user-2`]};e(i,n(()=>o,{get icon(){return s}}))}export{i as t};
========
import{Mt as e,On as t,kn as n}from"./index-BBS021oY.js";var r=new Set([`$$slots`,`$$events`,`$$legacy`]);function i(i,a){let o=t(a,r),s={name:`user-round`,size:24,node:[[`circle`,{cx:`12`,cy:`8`,r:`5`}],[`path`,{d:`M20 21a8 8 0 0 0-16 0`}]],aliases:[`user-2`]};e(i,n(()=>o,{get icon(){return s}}))}export{i as t};
>>>>>>>> 7d6e47c (ui, admin: what is chosen shows with forced colours, a month fills its window, a tablet has room):ui/dist/assets/user-round-C_PAH40F.js
