<<<<<<<< HEAD:ui/dist/assets/Compose-CRpIzAYy.js
import{Ar as e,Dr as t,ar as n,br as r,fr as i,ir as a,kr as o,r as s,tr as c}from"./index-CjIj0G_H.js";import l from"./Opening-BSIfeLNm.js";function u(u,d){e(d,!0);let f=t(()=>({id:s.params.id,search:s.search}));var p=n(),m=r(p);c(m,()=>i(f),e=>{l(e,{get id(){return i(f).id},get search(){return i(f).search}})}),a(u,p),o()}export{u as default};
========
import{Ar as e,Dr as t,ar as n,br as r,fr as i,ir as a,kr as o,r as s,tr as c}from"./index-BBS021oY.js";import l from"./Opening-CFCF5UCN.js";function u(u,d){e(d,!0);let f=t(()=>({id:s.params.id,search:s.search}));var p=n(),m=r(p);c(m,()=>i(f),e=>{l(e,{get id(){return i(f).id},get search(){return i(f).search}})}),a(u,p),o()}export{u as default};
>>>>>>>> 7d6e47c (ui, admin: what is chosen shows with forced colours, a month fills its window, a tablet has room):ui/dist/assets/Compose-CjC2mQEF.js
