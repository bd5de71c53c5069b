<<<<<<<< HEAD:ui/dist/assets/Compose-C22yhClB.js
import{Dr as e,Or as t,Tr as n,dr as r,er as i,ir as a,r as o,rr as s,vr as c}from"./index-CMsfA5hw.js";import l from"./Opening-DJhyIQ7a.js";function u(u,d){t(d,!0);let f=n(()=>({id:o.params.id,search:o.search}));var p=a(),m=c(p);i(m,()=>r(f),e=>{l(e,{get id(){return r(f).id},get search(){return r(f).search}})}),s(u,p),e()}export{u as default};
========
import{Dr as e,Or as t,Tr as n,dr as r,er as i,ir as a,r as o,rr as s,vr as c}from"./index-I7y4l8Cr.js";import l from"./Opening-hE_ydIb8.js";function u(u,d){t(d,!0);let f=n(()=>({id:o.params.id,search:o.search}));var p=a(),m=c(p);i(m,()=>r(f),e=>{l(e,{get id(){return r(f).id},get search(){return r(f).search}})}),s(u,p),e()}export{u as default};
>>>>>>>> 3873534 (calendar: draw the hours and the list where they are looked at; a crowd of an hour opens in place):ui/dist/assets/Compose-BZ4XvoJc.js
