export { AXES, elementCount, mapAxes, mapVec3, voxelCount, type Axis, type Vec3 } from './vec3';
export { boxAround, boxBetween, boxEnd, overlapAlong, type Box } from './box';
export { axesOf } from './planes';
