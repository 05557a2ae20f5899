import { clip, ellipsoid, roughen, subtract, tube, union, vary, type Field, type Point, type Shape } from './shapes';
import { trunkFields, type Patient } from './patient';

/** Hounsfield units inside a shape: one value, or a function of the depth below its surface (≤ 0) and the place. */
export type Tissue = number | ((depth: number, x: number, y: number, z: number) => number);

/** Something to draw; later ones cover earlier ones. */
export interface Part {
  readonly shape: Shape;
  readonly tissue: Tissue;
  /** BTCV label, or none for what is not one of the 13 organs. */
  readonly label?: number;
}

/** Moves and scales an organ at random about a point. */
function varied(patient: Patient, name: string, shape: Shape, about: Point, shift: number, spread: number): Shape {
  const random = patient.draw(`place ${name}`);
  const step = () => shift * Math.max(-2, Math.min(2, random.normal()));
  const scale = 1 + spread * Math.max(-2, Math.min(2, random.normal()));
  return vary(shape, about, scale, [step(), step(), step()]);
}

function textured(patient: Patient, value: number, amount: number, period: number): Tissue {
  const { noise } = patient;
  return (_depth, x, y, z) => value + amount * noise(x / period, y / period, z / period);
}

function liver(patient: Patient, limits: Field): Part[] {
  const random = patient.draw('liver shape');
  const left = random.range(0.75, 1.25);
  let shape = union(
    [
      ellipsoid([78, 4, 52], [62, 76, 82 + random.range(-8, 14)]),
      ellipsoid([26, 38, 72], [58 * left, 44, 40]),
      ellipsoid([-14, 44, 78], [44 * left, 30, 26]),
    ],
    24,
  );
  shape = subtract(shape, ellipsoid([66, -56, -18], [34, 34, 66]), 10);
  shape = subtract(shape, ellipsoid([34, 8, 20], [30, 26, 26]), 12);
  shape = clip(roughen(shape, patient.noise, 3, 34), limits, 4);
  const value = patient.hounsfield('liver', 82 + 26 * patient.phase, 9);
  const vein = value + 12 + 28 * patient.phase;
  const lobe = varied(patient, 'liver', shape, [60, 10, 55], 4, 0.05);
  const branch = (points: Parameters<typeof tube>[0]): Part => ({
    shape: clip(tube(points), (x, y, z) => lobe.field(x, y, z) + 5),
    tissue: vein,
  });
  return [
    { shape: lobe, tissue: textured(patient, value, 5, 14), label: 6 },
    branch([
      [28, -14, 98, 5],
      [62, 4, 92, 4],
      [96, 14, 70, 2.5],
    ]),
    branch([
      [28, -14, 98, 5],
      [44, 30, 88, 4],
      [50, 52, 62, 2.5],
    ]),
    branch([
      [28, -14, 98, 4.5],
      [8, 26, 92, 3.5],
      [-14, 44, 80, 2.2],
    ]),
    branch([
      [36, 10, 50, 5.5],
      [64, 12, 52, 4.5],
      [92, -10, 40, 3],
      [108, -22, 28, 2],
    ]),
    branch([
      [64, 12, 52, 4],
      [82, 32, 68, 3],
      [96, 40, 82, 2],
    ]),
  ];
}

function spleen(patient: Patient, limits: Field): Part {
  const random = patient.draw('spleen shape');
  const length = random.range(36, 60);
  let shape = union(
    [ellipsoid([-108, -38, 62], [29, 48, length]), ellipsoid([-94, -58, 56], [26, 24, length * 0.8])],
    14,
  );
  shape = subtract(shape, ellipsoid([-62, -2, 66], [34, 36, 52]), 8);
  shape = clip(roughen(shape, patient.noise, 2, 26), limits, 4);
  const value = patient.hounsfield('spleen', 104 + 14 * (1 - patient.phase), 9);
  return {
    shape: varied(patient, 'spleen', shape, [-104, -44, 60], 4, 0.1),
    tissue: textured(patient, value, 4 + 14 * (1 - patient.phase), 11),
    label: 1,
  };
}

function kidney(patient: Patient, limits: Field, side: 1 | -1): Part {
  const name = side > 0 ? 'right kidney' : 'left kidney';
  const random = patient.draw(`${name} shape`);
  const z0 = side > 0 ? -14 : 4;
  const centre: Point = [68 * side, -44, z0];
  const axis = (t: number): Point => [(70 - 12 * t) * side, -42 - 8 * t, z0 + 30 * t];
  let shape = union(
    [-1, 0, 1].map((t) => ellipsoid(axis(t), [24 - 2 * Math.abs(t), 22 - 2 * Math.abs(t), 27 + random.range(-2, 3)])),
    12,
  );
  const sinus = ellipsoid([46 * side, -36, z0 - 2], [19, 9, 17]);
  shape = clip(roughen(subtract(shape, sinus, 5), patient.noise, 1.5, 18), limits, 3);
  const cortex = patient.hounsfield(name, 185 + 15 * (1 - patient.phase), 14);
  const medulla = cortex - 85 * (1 - patient.phase) - 12;
  const { noise } = patient;
  return {
    shape: varied(patient, name, shape, centre, 4, 0.08),
    tissue: (depth, x, y, z) => {
      const inner = Math.max(0, Math.min(1, (-depth - 6) / 4)) * (0.6 + 0.4 * noise(x / 9, y / 9, z / 9));
      return cortex + inner * (medulla - cortex);
    },
    label: side > 0 ? 2 : 3,
  };
}

function gallbladder(patient: Patient, limits: Field): Part {
  const random = patient.draw('gallbladder shape');
  const r = random.range(11, 18);
  const shape = tube([
    [48, 26, 26, r * 0.45],
    [58, 42, 8, r * 0.85],
    [62, 54, -8, r],
  ]);
  return {
    shape: clip(varied(patient, 'gallbladder', shape, [56, 42, 8], 4, 0.1), limits),
    tissue: patient.hounsfield('bile', 10, 5),
    label: 4,
  };
}

/** A stomach with a wall, fluid, and gas that rises to the front, since the patient lies on the back. */
function stomach(patient: Patient, limits: Field): Part {
  const random = patient.draw('stomach shape');
  const filling = random.range(0.72, 1.12);
  const r = (radius: number) => radius * filling;
  const shape = tube([
    [-72, -12, 96, r(27)],
    [-76, 8, 76, r(32)],
    [-68, 34, 48, r(27)],
    [-42, 52, 24, r(21)],
    [-6, 54, 14, r(15)],
    [22, 42, 18, r(10)],
  ]);
  const placed = clip(
    varied(patient, 'stomach', roughen(shape, patient.noise, 2, 16), [-55, 25, 55], 5, 0.05),
    limits,
    4,
  );
  const wall = patient.hounsfield('stomach wall', 72, 8);
  const fluid = random.uniform() < 0.2 ? random.range(120, 260) : random.range(8, 42);
  const level = 36 + random.range(-12, 16);
  const { noise } = patient;
  return {
    shape: placed,
    tissue: (depth, x, y, z) => {
      if (depth > -4) return wall;
      if (y > level) return -880;
      return fluid + 10 * noise(x / 8, y / 8, z / 8);
    },
    label: 7,
  };
}

/** Tubes thinner than a voxel would vanish, so radii never go below `least`. */
function vessel(points: Parameters<typeof tube>[0], least: number, flatten = 1): Shape {
  return tube(
    points.map(([x, y, z, r]) => [x, y, z, Math.max(r, least)] as const),
    flatten,
  );
}

/** Portal and splenic veins with their label, and the mesenteric vein that BTCV leaves out. */
function portalVeins(patient: Patient, least: number): Part[] {
  const portalValue = patient.hounsfield('portal', 110 + 55 * patient.phase, 12);
  const portal = union(
    [
      vessel(
        [
          [40, 12, 52, 6],
          [26, 6, 40, 7],
          [8, -6, 28, 7],
        ],
        least,
      ),
      vessel(
        [
          [8, -6, 28, 6],
          [-22, -8, 34, 5.5],
          [-54, -24, 46, 5],
          [-82, -36, 55, 4],
        ],
        least,
      ),
    ],
    4,
  );
  return [
    {
      shape: vessel(
        [
          [6, -4, 28, 5.5],
          [8, 8, -10, 5],
          [12, 14, -50, 4],
        ],
        least,
      ),
      tissue: portalValue,
    },
    { shape: varied(patient, 'portal', portal, [0, -8, 35], 2, 0.03), tissue: portalValue, label: 10 },
  ];
}

function vessels(patient: Patient, least: number): Part[] {
  const random = patient.draw('vessels');
  const { phase } = patient;
  const aortaValue = patient.hounsfield('aorta', 250 - 105 * phase, 14);
  const bow = random.range(-6, 6);
  const r = random.range(8.5, 12);
  const aorta = vessel(
    [
      [-14, -42, 175, r + 2],
      [-11, -42, 100, r + 1],
      [-7 + bow, -38, 40, r],
      [-3 + bow, -36, -30, r - 1],
      [0, -38, -98, r - 2],
    ],
    least,
  );
  const cavaValue = patient.hounsfield('cava', 105 + 35 * phase, 12);
  const w = random.range(8.5, 12);
  const cava = vessel(
    [
      [22, 6, 128, w + 1],
      [26, -16, 92, w + 1],
      [25, -30, 45, w],
      [22, -36, -20, w - 1],
      [20, -40, -105, w - 1],
    ],
    least,
    0.8,
  );
  const iliac = (side: 1 | -1): Part => ({
    shape: vessel(
      [
        [0, -38, -98, r - 3],
        [24 * side, -30, -138, r - 4],
        [48 * side, -14, -185, r - 4],
      ],
      least,
    ),
    tissue: aortaValue,
  });
  return [
    iliac(1),
    iliac(-1),
    { shape: varied(patient, 'cava', cava, [24, -30, 20], 2, 0.05), tissue: cavaValue, label: 9 },
    { shape: varied(patient, 'aorta', aorta, [-6, -40, 20], 2, 0.05), tissue: aortaValue, label: 8 },
  ];
}

function pancreas(patient: Patient, limits: Field, least: number): Part {
  const random = patient.draw('pancreas shape');
  const t = random.range(0.95, 1.3);
  const shape = vessel(
    [
      [30, 10, 2, 14 * t],
      [22, 12, 18, 12 * t],
      [4, 16, 28, 9 * t],
      [-22, 12, 36, 10 * t],
      [-56, -6, 50, 9 * t],
      [-80, -20, 62, 8 * t],
    ],
    least,
  );
  const lobed = roughen(shape, patient.noise, 2.5, 9);
  const value = patient.hounsfield('pancreas', 88 + 14 * (1 - patient.phase), 8);
  return {
    shape: clip(varied(patient, 'pancreas', lobed, [-15, 8, 32], 3, 0.05), limits),
    tissue: textured(patient, value, 10, 6),
    label: 11,
  };
}

/** Thin inverted-Y glands above the kidneys: two limbs that hang from a ridge. */
function adrenal(patient: Patient, side: 1 | -1, least: number): Part {
  const name = side > 0 ? 'right adrenal' : 'left adrenal';
  const r = Math.max(3.6, least);
  const z = side > 0 ? 50 : 54;
  const x = side > 0 ? 40 : -38;
  const shape = union(
    [
      tube([
        [x - 3 * side, -24, z + 8, r],
        [x, -34, z, r],
      ]),
      tube([
        [x, -34, z, r],
        [x + 9 * side, -46, z - 10, r * 0.9],
      ]),
      tube([
        [x, -34, z, r],
        [x - 4 * side, -46, z - 10, r * 0.9],
      ]),
    ],
    3,
  );
  return {
    shape: varied(patient, name, shape, [x, -36, z], 2, 0.08),
    tissue: patient.hounsfield(name, 76, 8),
    label: side > 0 ? 12 : 13,
  };
}

function oesophagus(patient: Patient, least: number): Part {
  const shape = vessel(
    [
      [-4, -22, 178, 8],
      [-6, -22, 130, 8],
      [-14, -16, 104, 8],
      [-32, -10, 92, 8],
    ],
    least,
  );
  const value = patient.hounsfield('oesophagus', 48, 6);
  const air = patient.draw('oesophagus').uniform() < 0.4;
  return {
    shape: varied(patient, 'oesophagus', shape, [-8, -20, 120], 2, 0.06),
    tissue: (depth) => (air && depth < -5.5 ? -300 : value),
    label: 5,
  };
}

/**
 * The 13 organs, in drawing order.
 *
 * @param least radius below which a tube would fall between voxels, mm
 */
export function organs(patient: Patient, least: number): Part[] {
  const { cavity, diaphragm } = trunkFields(patient);
  const limits: Field = (x, y, z) => Math.max(cavity(x, y, z) + 3, diaphragm(x, y, z) + 4);
  return [
    ...liver(patient, limits),
    spleen(patient, limits),
    stomach(patient, limits),
    kidney(patient, limits, 1),
    kidney(patient, limits, -1),
    gallbladder(patient, limits),
    pancreas(patient, limits, least),
    ...portalVeins(patient, least),
    ...vessels(patient, least),
    oesophagus(patient, least),
    adrenal(patient, 1, least),
    adrenal(patient, -1, least),
  ];
}
