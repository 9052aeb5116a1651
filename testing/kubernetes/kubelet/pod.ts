/** Of a pod, what the process kubelet reads. */
export interface Pod {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
    deletionGracePeriodSeconds?: number;
  };
  spec: {
    nodeName?: string;
    serviceAccountName?: string;
    activeDeadlineSeconds?: number;
    terminationGracePeriodSeconds?: number;
    initContainers?: Container[];
    containers: Container[];
    volumes?: Volume[];
  };
  status?: { phase?: string; startTime?: string };
}

export interface Container {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  workingDir?: string;
  env?: EnvVar[];
  envFrom?: {
    prefix?: string;
    secretRef?: ObjectRef;
    configMapRef?: ObjectRef;
  }[];
  volumeMounts?: { name: string; mountPath: string; subPath?: string }[];
  resources?: { limits?: Record<string, string> };
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
}

export interface ObjectRef {
  name: string;
  optional?: boolean;
}

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: {
    fieldRef?: { fieldPath: string };
    secretKeyRef?: ObjectRef & { key: string };
    configMapKeyRef?: ObjectRef & { key: string };
  };
}

interface KeyToPath {
  key: string;
  path: string;
}

export interface Volume {
  name: string;
  emptyDir?: object;
  downwardAPI?: { items?: { path: string; fieldRef?: { fieldPath: string } }[] };
  secret?: { secretName: string; optional?: boolean; items?: KeyToPath[] };
  configMap?: ObjectRef & { items?: KeyToPath[] };
  /** Such as the ServiceAccount's token, which programs without the network of a pod have no use for. */
  projected?: object;
}

/** What the kubelet runs for a name of an image. */
export interface Image {
  /** Its entry point, with the arguments every container of it gets first. */
  command: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export type Images = Readonly<Record<string, Image>>;

/** `<namespace>/<name>` */
export const nameOf = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`;

export const isEnded = ({ status }: Pod): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** Why a container cannot be made yet; it is tried again until it can. */
export class NotYet extends Error {
  override name = 'NotYet';
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}
