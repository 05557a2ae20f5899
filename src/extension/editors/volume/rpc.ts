import { UserError } from '../../../errors/userError';
import type { VolumeService } from './service';

/** What can be asked of the service in its thread. */
export type ServiceMethod = 'header' | 'load' | 'slices' | 'reduced';
export type ServiceParams<M extends ServiceMethod> = Parameters<VolumeService[M]>;
export type ServiceResult<M extends ServiceMethod> = Awaited<ReturnType<VolumeService[M]>>;

export interface ServiceCall {
  readonly id: number;
  readonly method: ServiceMethod;
  readonly params: readonly unknown[];
}

export interface ServiceError {
  readonly message: string;
  /** Something the user can put right, not a defect. */
  readonly user: boolean;
}

export type ServiceAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ServiceError };

export function toServiceError(error: unknown): ServiceError {
  return { message: error instanceof Error ? error.message : String(error), user: error instanceof UserError };
}

export function fromServiceError({ message, user }: ServiceError): Error {
  return user ? new UserError(message) : new Error(message);
}
