import {readFileSync} from 'node:fs';
let t=performance.now(), c=process.cpuUsage();
const lap=(n)=>{const u=process.cpuUsage(c);console.log(n,Math.round(performance.now()-t),'cpu',Math.round((u.user+u.system)/1000));t=performance.now();c=process.cpuUsage();};
const {loadManifests}=await import('./src/sandbox/load.ts'); lap('import');
const x=JSON.parse(readFileSync('/tmp/fleet.json','utf8')); lap('parse only'); 
const m=await loadManifests(['/tmp/fleet.json']); lap('load');
const {startSandbox}=await import('./src/sandbox/cluster.ts'); lap('import cluster');
const s=await startSandbox({paths:['/tmp/fleet.json']}); lap('start');
await s.stop();
