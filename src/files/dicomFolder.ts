import { basename } from 'node:path';
import { isFolder } from './kinds';
import { isDicomName } from './volumeNames';

/** Whether a path is the index of a folder of DICOM files, by its name. */
export const isDicomDir = (path: string): boolean => /^DICOMDIR$/i.test(basename(path));

/** Whether a path is read together with the DICOM files beside it: a slice, or the index of a folder. */
export const isPartOfDicomFolder = (path: string): boolean => isDicomName(path) || isDicomDir(path);

/** Whether a path can hold several series: a folder, or the index of one. */
export const mayHoldSeries = async (path: string): Promise<boolean> => isDicomDir(path) || isFolder(path);

/** Whether a file whose name says nothing may be DICOM: without ending, or called by a UID. What it is, its content tells. */
export const mayBeDicom = (path: string): boolean => /^[^.]+$|\.\d+$/.test(basename(path));
