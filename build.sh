#!/usr/bin/env bash
# The one door for building and testing NativeKubelet. `./build.sh help` lists the verbs.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

readonly root=$PWD out=$PWD/out
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 DOTNET_CLI_UI_LANGUAGE=en
jobs=${NK_JOBS:-2}

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }
shown() { say "$*"; "$@"; }

usage() { cat <<'USAGE'
usage: ./build.sh [VERB]

  (none)            the whole product: out/nativekubelet
  deps [THING…]     install what is missing (native publish static arm64 run node cluster bench vm)
  native            the holder, static (native/build/nk-holder)
  build             managed debug build of everything
  publish [--static] [--arch x64|arm64]
                    one stripped NativeAOT file, out/nativekubelet
  run [FILE…]       publish, make the demo image, run docs/examples/hello.yaml (or FILE…) in the foreground
  test [unit|native|node|cluster|fuzz|vm-smoke|vm|static|all] [--strict] [-- XUNIT-OPTIONS]
                    everything by default, but vm (the node tests in guests with every layout of control
                    groups, hours); ends with "N passed, N failed"
  check             format, analyzers, unit tests, C tests with sanitizers: before a push
  bench [quick|NAME…]  figures and ratios against bare runc and others (docs/benchmarks.md);
                    size starts probes peers logs footprint churn cluster kills; exit code 1 when a budget is missed
  fuzz [SECONDS]    every fuzz target for that long
  install [ARGS…]   put binary and units in place (root)
  clean             remove out/, artifacts/ and what make built in native/
USAGE
}

# ---- what a verb needs ------------------------------------------------------------------------------------------

need_dotnet() {
  command -v dotnet >/dev/null || die "the .NET SDK 10 is missing; get it from https://dotnet.microsoft.com/download/dotnet/10.0 (or your distribution's package dotnet-sdk-10.0) and put dotnet on the PATH"
  case $(dotnet --version 2>/dev/null) in
    10.*) ;;
    *) die "dotnet $(dotnet --version 2>/dev/null || echo '?') found, but the .NET SDK 10 is needed; get it from https://dotnet.microsoft.com/download/dotnet/10.0" ;;
  esac
}

# command or file that shows that it is there : Debian package
needs_of() {
  case $1 in
    native)  echo "gcc:gcc make:make musl-gcc:musl-tools /usr/include/stdio.h:libc6-dev /usr/include/linux/seccomp.h:linux-libc-dev" ;;
    publish) echo "$(needs_of native) clang:clang /usr/include/zlib.h:zlib1g-dev" ;;
    static)  echo "cmake:cmake /usr/include/openssl/ssl.h:libssl-dev objcopy:binutils" ;;
    arm64)   echo "ld.lld:lld aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu /usr/aarch64-linux-gnu/lib/libc.so.6:libc6-dev-arm64-cross" ;;
    run)     echo "runc:runc busybox:busybox-static ip:iproute2" ;;
    node)    echo "runc:runc busybox:busybox-static ip:iproute2 nft:nftables iptables:iptables skopeo:skopeo crun:crun umoci:umoci buildah:buildah docker-registry:docker-registry /usr/lib/cni/bridge:containernetworking-plugins curl:curl openssl:openssl" ;;
    cluster) echo "kubectl:kubernetes-client" ;;
    bench)   echo "conmon:conmon ctr:containerd" ;;
    vm)      echo "qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap cpio:cpio" ;;
    *) die "deps: no such thing: $1" ;;
  esac
}

there() { case $1 in /*) [ -e "$1" ] ;; *) command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] ;; esac; }

deps() {
  local thing entry needs log missing=()
  for thing in "$@"; do
    needs=$(needs_of "$thing") || exit 1
    for entry in $needs; do
      there "${entry%%:*}" || [[ " ${missing[*]} " == *" ${entry#*:} "* ]] || missing+=("${entry#*:}")
    done
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "missing: ${missing[*]}; install them, or run './build.sh deps $*' as root"
  command -v apt-get >/dev/null ||
    die "missing: ${missing[*]} (Debian's names); this system has no apt-get, so install them with its own package manager and try again"
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  { apt-get -qq update && apt-get -qq install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; rm -f "$log"; die "could not install ${missing[*]}"; }
  rm -f "$log"
}

need_root() { [ "$(id -u)" = 0 ] || die "'$1' needs root: it makes cgroups, namespaces and mounts"; }

# ---- building ---------------------------------------------------------------------------------------------------

native() { deps native; shown make -s -C native; }

restore() { need_dotnet; shown dotnet restore --locked-mode -v quiet NativeKubelet.sln; }

build() { native; restore; shown dotnet build -v quiet -maxcpucount:"$jobs" --no-restore NativeKubelet.sln; }

# The static build links glibc, which warns that DNS works with files and dns only, and lets CMake build the SDK's own OpenSSL
# shim, which names a variable that it does not read. Neither says anything about this program.
filter_static() {
  grep -v -e "warning : Using 'gethostbyname' in statically linked applications requires at runtime the shared libraries from the glibc version used for linking" \
    -e '^EXEC : CMake warning :  ' || :
}

publish() {
  local arch=x64 static= args=()
  while [ $# -gt 0 ]; do
    case $1 in
      --static) static=1 ;;
      --arch) [ $# -ge 2 ] || die "--arch needs x64 or arm64"; arch=$2; shift ;;
      *) die "publish: no such option: $1" ;;
    esac
    shift
  done
  need_dotnet; deps publish; native
  local name=nativekubelet started=$SECONDS
  case $arch in
    x64) ;;
    arm64) deps arm64; shown make -s -C native CC=aarch64-linux-gnu-gcc OUT=build-arm64; args+=(-p:CppCompilerAndLinker=clang -p:SysRoot=/ -p:LinkerFlavor=lld -p:ObjCopyName=llvm-objcopy -p:NativeHolder=native/build-arm64/nk-holder); name+=-arm64 ;;
    *) die "--arch: $arch is not x64 or arm64" ;;
  esac
  if [ -n "$static" ]; then
    deps static
    args+=(-p:NkStatic=true)
    export CFLAGS=-Wno-unused-value   # of the same shim
    name+=-static
  fi
  # Link-only options do not relink by themselves (docs/adr/0001-layout.md): every form has its own intermediate tree.
  local stage=$root/artifacts/publish-$name log=$root/artifacts/publish-$name.log
  mkdir -p "$stage" "$out"
  say "dotnet publish src/NativeKubelet -r linux-$arch ${args[*]:-}"
  dotnet publish src/NativeKubelet -c Release -r "linux-$arch" -v quiet -maxcpucount:"$jobs" -p:RestoreLockedMode=true \
    ${args[@]+"${args[@]}"} -o "$stage" >"$log" 2>&1 || { cat "$log" >&2; die "publish failed"; }
  local warnings; warnings=$(grep -i 'warning' "$log" | filter_static | grep -v '0 Warning(s)' || :)
  [ -z "$warnings" ] || { printf '%s\n' "$warnings" >&2; die "publish printed warnings; the bar is none"; }
  # What one form has linked must never be taken for the other's.
  local linked=static wanted=${static:+static}
  case $(readelf -lW "$stage/nativekubelet") in *INTERP*) linked=dynamic ;; esac
  [ "$linked" = "${wanted:-dynamic}" ] || die "publish: $stage/nativekubelet is linked $linked; ./build.sh clean, and again"
  install -m 755 "$stage/nativekubelet" "$out/.$name.tmp"
  mv -f "$out/.$name.tmp" "$out/$name"
  if [ "$arch" = x64 ]; then "$out/$name" --version | grep -qx 'Kubernetes v1\.36\..*' || die "smoke test: $out/$name --version did not answer"; fi
  say "out/$name: $(stat -c %s "$out/$name") bytes, $((SECONDS - started)) s"
}

# ---- running ----------------------------------------------------------------------------------------------------

run() {
  need_root run; deps publish run; publish
  local files=("$@")
  shown tools/make-image --output "$out/hello.tar"
  if [ ${#files[@]} -eq 0 ]; then files=(docs/examples/hello.yaml); fi
  exec "$out/nativekubelet" run --preload "$out/hello.tar" "${files[@]}"
}

# ---- testing ----------------------------------------------------------------------------------------------------

passed=0 failed=0 skipped=0 broken=()

# Sums one attribute over the report's assemblies.
total() { grep -o '<assembly [^>]*' "$2" | grep -o " $1=\"[0-9]*\"" | grep -o '[0-9]*' | awk '{ n += $1 } END { print n + 0 }'; }

# Runs one xunit executable and adds its figures. Exit codes alone would not tell how many tests there were.
suite() { # NAME EXECUTABLE ARGS…
  local name=$1 exe=$2; shift 2
  local report=$root/artifacts/test-results/$name.xml started=$SECONDS code=0
  mkdir -p "${report%/*}"; rm -f "$report"
  say "suite $name: $exe $*"
  "$exe" -noLogo -noColor -result-xml "$report" "$@" || code=$?
  if [ ! -s "$report" ]; then failed=$((failed + 1)); broken+=("$name ended with $code and left no report"); return; fi
  local p f s
  p=$(total passed "$report") f=$(($(total failed "$report") + $(total errors "$report"))) s=$(total skipped "$report")
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then failed=$((failed + 1)); broken+=("$name ended with $code after its last test"); fi
  say "suite $name: $p passed, $f failed, $s skipped in $((SECONDS - started)) s"
}

# Runs one command that is a single test by itself. 77: it cannot run on this machine, and has said why.
single() { # NAME COMMAND…
  local name=$1 code=0; shift
  say "suite $name: $*"
  "$@" || code=$?
  case $code in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)); broken+=("$name: $*") ;;
  esac
}

# The node tests in guests: where systemd runs, on each layout of control groups, by each driver.
vm() {
  local layout init driver
  while read -r layout init driver; do
    NK_VM_CGROUP=$layout NK_VM_INIT=$init NK_CGROUP_DRIVER=$driver NK_BINARY=$out/nativekubelet NK_IMAGE=$out/hello.tar \
      suite "vm-$layout-$init-$driver" tools/vm/node-tests "$@"
  done <<'GUESTS'
v2 systemd systemd
v2 systemd cgroupfs
v2 none cgroupfs
hybrid systemd systemd
v1 systemd systemd
GUESTS
}

test_project() { # NAME
  restore >/dev/null; native
  shown dotnet build -v quiet -maxcpucount:"$jobs" --no-restore -c Release "tests/$1/NativeKubelet.Tests.$1.csproj"
}

test_() {
  local what=() extra=() strict=
  while [ $# -gt 0 ]; do
    case $1 in
      --strict) strict=1 ;;
      --) shift; extra=("$@"); break ;;
      unit|native|node|cluster|fuzz|vm|vm-smoke|static|all) what+=("$1") ;;
      *) die "test: no such suite: $1" ;;
    esac
    shift
  done
  [ ${#what[@]} -gt 0 ] || what=(all)
  [ "${what[*]}" != all ] || what=(native unit node cluster static vm-smoke fuzz)
  need_dotnet
  local one
  for one in "${what[@]}"; do
    case $one in
      native) deps native; single native make -s -C native check ;;
      unit) test_project Unit; suite unit artifacts/bin/NativeKubelet.Tests.Unit/release/NativeKubelet.Tests.Unit ${extra[@]+"${extra[@]}"} ;;
      node)
        need_root 'test node'; deps node publish; publish; shown tools/make-image --output "$out/hello.tar"
        test_project Node
        NK_BINARY=$out/nativekubelet NK_IMAGE=$out/hello.tar NK_TOOLS=$root/tools \
          suite node artifacts/bin/NativeKubelet.Tests.Node/release/NativeKubelet.Tests.Node ${extra[@]+"${extra[@]}"} ;;
      cluster)
        need_root 'test cluster'; deps node publish cluster; publish; shown tools/make-image --output "$out/hello.tar"
        test_project Cluster
        NK_BINARY=$out/nativekubelet NK_IMAGE=$out/hello.tar NK_TOOLS=$root/tools \
          suite cluster artifacts/bin/NativeKubelet.Tests.Cluster/release/NativeKubelet.Tests.Cluster ${extra[@]+"${extra[@]}"} ;;
      static)
        need_root 'test static'; deps node publish static; publish --static; shown tools/make-image --output "$out/hello.tar"
        test_project Node
        NK_STATIC=$out/nativekubelet-static NK_IMAGE=$out/hello.tar NK_TOOLS=$root/tools \
          suite static artifacts/bin/NativeKubelet.Tests.Node/release/NativeKubelet.Tests.Node -explicit only -class '*.StaticRootTests' ;;
      fuzz) fuzz ;;
      vm-smoke)
        need_root 'test vm-smoke'; deps publish run; publish; shown tools/make-image --output "$out/hello.tar"
        NK_BINARY=$out/nativekubelet NK_IMAGE=$out/hello.tar single vm-smoke tools/vm/smoke ;;
      vm)
        need_root 'test vm'; deps publish run; publish; shown tools/make-image --output "$out/hello.tar"
        test_project Node; vm ${extra[@]+"${extra[@]}"} ;;
    esac
  done
  [ ${#broken[@]} -eq 0 ] || printf 'broken: %s\n' "${broken[@]}"
  if [ -n "$strict" ] && [ "$skipped" -gt 0 ]; then failed=$((failed + skipped)); fi
  if [ "$skipped" -gt 0 ]; then
    grep -ho '<reason><!\[CDATA\[[^]]*' artifacts/test-results/*.xml 2>/dev/null | sed 's/.*CDATA\[/skipped: /' | sort | uniq -c || :
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  else
    printf '%d passed, %d failed\n' "$passed" "$failed"
  fi
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# NK_FUZZ_SECONDS over all managed parsers, and a sixth of it more for the holder's own, with sanitizers.
fuzz() {
  export NK_FUZZ_SECONDS=${NK_FUZZ_SECONDS:-60}
  deps native
  single fuzz-holder make -s -C native fuzz FUZZ_SECONDS=$((NK_FUZZ_SECONDS / 6 + 1))
  test_project Fuzz
  suite fuzz artifacts/bin/NativeKubelet.Tests.Fuzz/release/NativeKubelet.Tests.Fuzz
}

check() {
  build
  shown dotnet format --verify-no-changes --no-restore NativeKubelet.sln
  test_ unit native
}

bench() {
  need_root bench; deps bench node publish; publish; shown tools/make-image --output "$out/hello.tar"
  test_project Bench
  NK_BINARY=$out/nativekubelet NK_IMAGE=$out/hello.tar NK_TOOLS=$root/tools exec artifacts/bin/NativeKubelet.Tests.Bench/release/NativeKubelet.Tests.Bench "$@"
}

case ${1:-all} in
  all) publish ;;
  deps) shift; need_dotnet; if [ $# -gt 0 ]; then deps "$@"; else deps publish run node; fi ;;
  native) native ;;
  build) build ;;
  publish) shift; publish "$@" ;;
  run) shift; run "$@" ;;
  test) shift; test_ "$@" ;;
  check) check ;;
  bench) shift; bench "$@" ;;
  fuzz) shift; NK_FUZZ_SECONDS=${1:-600} NK_FUZZ_SEED=${NK_FUZZ_SEED:-$RANDOM}; export NK_FUZZ_SECONDS NK_FUZZ_SEED; fuzz; printf '%d passed, %d failed\n' "$passed" "$failed"; [ "$failed" -eq 0 ] ;;
  install) shift; need_root install; publish; exec "$out/nativekubelet" install "$@" ;;
  clean) rm -rf "$out" artifacts; make -s -C native clean ;;
  help|-h|--help) usage ;;
  *) usage >&2; die "no such verb: $1" ;;
esac
