import { clip, ellipsoid, roughen, tube, type Field, type Shape, type TubePoint } from './shapes';
import type { Part, Tissue } from './organs';
import { trunkFields, type Patient } from './patient';

/** Bone: a dense shell around spongy bone. */
function bone(patient: Patient, name: string, shell: number): Tissue {
  const cortex = patient.hounsfield(`cortex ${name}`, 520, 60);
  const marrow = patient.hounsfield(`marrow ${name}`, 185, 30);
  const { noise } = patient;
  return (depth, x, y, z) => (depth > -shell ? cortex : marrow + 30 * noise(x / 6, y / 6, z / 6));
}

const SPINE = { y: -66, period: 33 };

/** Lordosis: the lumbar spine bends forward. */
function spineY(z: number): number {
  return SPINE.y + 5 * Math.cos((z + 50) / 75);
}

function box(low: number[], high: number[], field: Field): Shape {
  return { field, low: low as unknown as Shape['low'], high: high as unknown as Shape['high'] };
}

function spine(patient: Patient): Part[] {
  const phase = patient.draw('spine').range(0, SPINE.period);
  const level = (z: number) => {
    const t = z + phase;
    return t - SPINE.period * Math.round(t / SPINE.period);
  };
  const column: Field = (x, y, z) => Math.sqrt((x / 1.25) ** 2 + (y - spineY(z)) ** 2) - 17;
  const arch: Field = (x, y, z) => {
    const dy = y - spineY(z) + 29;
    const u = level(z + 4);
    const ring = Math.abs(Math.sqrt((x / 1.15) ** 2 + dy * dy) - 13) - 3.5;
    const process = Math.max(Math.abs(x) - 3.5, Math.abs(dy + 27) - 13);
    const transverse = Math.max(Math.abs(dy - 1) - 4, Math.abs(Math.abs(x) - 28) - 15);
    return Math.max(Math.min(ring, process, transverse), Math.abs(u) - 9);
  };
  const disc = patient.hounsfield('disc', 85, 10);
  return [
    { shape: box([-24, -95, -400], [24, -40, 400], column), tissue: disc },
    {
      shape: box([-24, -95, -400], [24, -40, 400], (x, y, z) => Math.max(column(x, y, z), Math.abs(level(z)) - 13)),
      tissue: bone(patient, 'spine', 2.5),
    },
    { shape: box([-44, -140, -400], [44, -75, 400], arch), tissue: bone(patient, 'arch', 3) },
    {
      shape: box([-12, -110, -400], [12, -80, 400], (x, y, z) => Math.hypot(x / 1.15, y - spineY(z) + 29) - 9),
      tissue: 32,
    },
  ];
}

function backMuscles(patient: Patient): Part[] {
  const value = patient.hounsfield('muscle', 58, 6);
  const parts: Part[] = [];
  for (const side of [1, -1] as const) {
    parts.push({
      shape: clip(
        roughen(
          tube([
            [34 * side, -60, 18, 8],
            [38 * side, -56, -40, 17],
            [48 * side, -44, -110, 20],
            [62 * side, -24, -190, 20],
          ]),
          patient.noise,
          2,
          20,
        ),
        (_x, _y, z) => z - 20,
      ),
      tissue: value,
    });
  }
  return parts;
}

/** Hip bones: curved plates at the lower end. */
function pelvis(patient: Patient): Part[] {
  const tissue = bone(patient, 'pelvis', 2.5);
  return ([1, -1] as const).map((side) => {
    const outer = ellipsoid([58 * side, -20, -190], [64, 70, 82]);
    const plate: Field = (x, y, z) =>
      Math.max(Math.abs(outer.field(x, y, z)) - 5, 64 - x * side, y - 40, 6 + 0.35 * y - 40 - x * side + 60);
    return {
      shape: { ...outer, low: [side > 0 ? 50 : -130, -95, -280], high: [side > 0 ? 130 : -50, 55, -100], field: plate },
      tissue,
    };
  });
}

function heart(patient: Patient): Part {
  const random = patient.draw('heart');
  const value = patient.hounsfield('heart', 150 - 30 * patient.phase, 15);
  const shape = ellipsoid([-22 + random.range(-6, 6), 30, 168 + patient.breath], [56, 46, 48]);
  const { diaphragm } = trunkFields(patient);
  return {
    shape: clip(roughen(shape, patient.noise, 4, 30), (x, y, z) => 2 - diaphragm(x, y, z)),
    tissue: (depth, x, y, z) => (depth > -9 ? 0.6 * value : value + 8 * patient.noise(x / 20, y / 20, z / 20)),
  };
}

function bowelTissue(patient: Patient, gasLevel: number, content: number, wall: number): Tissue {
  const { noise } = patient;
  return (depth, x, y, z) => {
    if (depth > -3) return wall;
    const rough = noise(x / 5, y / 5, z / 5);
    return y + 8 * rough > gasLevel ? -820 : content + 45 * rough;
  };
}

/** Ascending, transverse and descending colon with haustra, partly full of gas and stool. */
function colon(patient: Patient, limits: Field): Part[] {
  const random = patient.draw('colon');
  const sag = random.range(-40, 5);
  const wobble = () => random.range(-8, 8);
  const path: TubePoint[] = [
    [88 + wobble(), -6 + wobble(), -120, 23],
    [94 + wobble(), -10 + wobble(), -75, 21],
    [92 + wobble(), 4 + wobble(), -38, 20],
    [60 + wobble(), 56, -34 + sag / 2, 17],
    [10, 66, -32 + sag, 16],
    [-48 + wobble(), 60, -16 + sag / 2, 16],
    [-100 + wobble(), 6, 12, 15],
    [-106, -22 + wobble(), -40, 13],
    [-100, -14 + wobble(), -130, 13],
  ];
  const haustra: Field = (x, y, z) => Math.sin((x + y) / 7) * Math.sin(z / 6);
  const shape = clip(roughen(roughen(tube(path), haustra, 2.5, 1), patient.noise, 3, 14), limits);
  return [{ shape, tissue: bowelTissue(patient, 44 + random.range(-22, 22), random.range(-10, 70), 55) }];
}

/** Loops of small bowel: random walks through the lower front of the cavity. */
function smallBowel(patient: Patient, limits: Field): Part[] {
  const random = patient.draw('small bowel');
  const parts: Part[] = [];
  for (let loop = 0; loop < 15; loop++) {
    let [x, y, z] = [random.range(-80, 70), random.range(-8, 62), random.range(-160, -35)];
    let angle = random.range(0, 2 * Math.PI);
    const path: TubePoint[] = [];
    for (let step = 0; step < 7; step++) {
      path.push([x, y, z, random.range(9.5, 14.5)]);
      angle += random.range(-1.3, 1.3);
      x = Math.max(-78, Math.min(72, x + 24 * Math.cos(angle)));
      z = Math.max(-190, Math.min(-34, z + 20 * Math.sin(angle)));
      y = Math.max(-6, Math.min(66, y + random.range(-14, 14)));
    }
    const gas = random.uniform() < 0.3 ? 52 : 200;
    const content = random.uniform() < 0.15 ? random.range(120, 250) : random.range(10, 45);
    parts.push({ shape: clip(tube(path), limits), tissue: bowelTissue(patient, gas, content, 75) });
  }
  return parts;
}

/** Duodenum: a C around the head of the pancreas. */
function duodenum(patient: Patient, limits: Field): Part {
  const shape = tube([
    [26, 40, 16, 11],
    [46, 22, 14, 12],
    [50, 6, -16, 12],
    [36, -2, -34, 12],
    [6, -10, -32, 10],
    [-18, 4, -14, 10],
  ]);
  return { shape: clip(roughen(shape, patient.noise, 2, 9), limits), tissue: bowelTissue(patient, 60, 28, 72) };
}

/** What lies around the organs, in drawing order: skeleton, back muscles, heart, bowel. */
export function surroundings(patient: Patient): Part[] {
  const { cavity, diaphragm } = trunkFields(patient);
  const limits: Field = (x, y, z) => Math.max(cavity(x, y, z) + 4, diaphragm(x, y, z) + 6);
  return [
    ...backMuscles(patient),
    ...spine(patient),
    ...pelvis(patient),
    heart(patient),
    ...smallBowel(patient, limits),
    ...colon(patient, limits),
    duodenum(patient, limits),
  ];
}
