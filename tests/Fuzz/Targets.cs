using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Api.Yaml;
using NativeKubelet.Config;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.Seccomp;
using NativeKubelet.Core.Containers.Users;
using NativeKubelet.Core.Logs;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Network;
using NativeKubelet.Core.Probes;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Server;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Linux.Netlink;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Linux.Systemd;
using NativeKubelet.Pods;
using NativeKubelet.Probes;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;
using NativeKubelet.Runtime.Images.Registry;
using NativeKubelet.Runtime.Images.Store;
using NativeKubelet.Runtime.Machines;
using NativeKubelet.Runtime.Network;
using NativeKubelet.Runtime.Sandboxes;
using NativeKubelet.Runtime.Streams;
using NativeKubelet.Server;
using NativeKubelet.Server.Access;
using NativeKubelet.Server.Tls;

namespace NativeKubelet.Tests.Fuzz;

/// <param name="Refusals">The exceptions with which it says no.</param>
public sealed record Target(string Name, IReadOnlyList<byte[]> Corpus, Action<byte[]> Parse, params Type[] Refusals);

/// <summary>One line per parser of bytes that this program did not write, or that a broken disk may have changed.</summary>
public static class Targets
{
    private static readonly byte[] Manifest = Utf8("""
        apiVersion: v1
        kind: Pod
        metadata: {name: web, labels: {app: "1.10"}}
        spec:
          hostNetwork: true
          containers:
          - name: main
            image: "localhost:5000/team/hello@sha256:0000000000000000000000000000000000000000000000000000000000000000"
            command: [sh, -c, "echo $(NAME)"]
            env: [{name: NAME, value: x}]
            ports: [{containerPort: 80, hostPort: 8080, protocol: UDP}]
            resources: {limits: {cpu: 250m, memory: 64Mi}, requests: {cpu: "0.1"}}
            livenessProbe: {httpGet: {path: /, port: http}, periodSeconds: 5}
            volumeMounts: [{name: v, mountPath: /v, readOnly: true}]
          volumes: [{name: v, hostPath: {path: /tmp, type: Directory}}, {name: e, emptyDir: {sizeLimit: 1Gi}}]
        ---
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"},"spec":{"containers":[{"name":"c","image":"i","args":["a"]}]}}
        """);

    private const string Digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    private static readonly ManifestOrigin Origin = ManifestOrigin.File("/manifests/web.yaml", "node");

    public static IReadOnlyList<Target> All { get; } =
    [
        new("yaml", [Manifest, Utf8("a: &x [1, 2]\nb: *x\n"), Utf8("\"a\\tb\": |\n  text\n")], b => YamlDocuments.Read(b), typeof(YamlFormatException)),
        new("manifest", [Manifest], b => ManifestDecoder.Decode(b, Origin, DateTimeOffset.UnixEpoch)),
        new("kubelet configuration", [Utf8("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: cgroupfs\nsyncFrequency: 0s\nlogging: {}\nevictionHard: {memory.available: 5%}\n")],
            b => ParseConfiguration(b), typeof(YamlFormatException), typeof(ConfigException)),
        new("D-Bus message", [Convert.FromHexString("42020001000000000000000100000008" + "0501750000000007"), Convert.FromHexString("6c040001080000000200000017000000" + "0301730004000000" + "4a6f623100000000" + "0801670001730000" + "0300000061626300")],
            b => ReadTexts(DBusMessage.Parse(b)), typeof(InvalidDataException)),
        Text("flags", ["--config=/etc/x --v 4 --node-labels=a=b --feature-gates=X=true --max-pods=110"],
            t => OptionsOf(FlagParser.Parse(t.Split(' '))), typeof(ConfigException)),
        Text("quantity", ["100m", "1.5Gi", "12e6", "-3Ki"], t => _ = Quantity.TryParse(t, out _)),
        Text("duration", ["1h2m3.5s", "-4ms", "0"], t => _ = GoDurationText.TryParse(t, out _)),
        Text("image reference", ["nginx", "localhost:5000/a/b:tag@sha256:" + new string('a', 64)], t => ImageReference.TryParse(t)),
        Text("subnet", ["10.88.0.0/16", "fd00::/64,10.0.0.0/8"], t => PodSubnets.Parse(t, out _)),
        Text("signal", ["SIGTERM", "SIGRTMIN+3", "15"], t => StopSignal.Parse(t)),
        Text("passwd", ["root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:\n"],
            t => ContainerUser.Resolve(new() { Spec = new() }, new() { Image = "i" }, ImageConfig.Empty with { User = "user" }, t, t), typeof(ContainerConfigException)),
        Text("variable file", ["# c\nA='b'\n B='two\nlines' # x\nC= 'd'\n"], t => EnvFile.Find(t, "C"), typeof(FormatException)),
        Text("variables", ["a$(B)c$$(D)$("], t => VariableExpansion.Expand(t, name => name == "B" ? "x" : null)),
        Text("resolv.conf", ["nameserver 1.1.1.1\nsearch a b\noptions ndots:5\n"], t => ResolvConf.Parse(t)),
        new("seccomp profile", [Utf8("""{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],"syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_EQ"}],"includes":{"caps":["CAP_KILL"],"minKernel":"4.8"},"excludes":{"arches":["arm"]}}]}""")],
            b => SeccompProfile.Resolve(SeccompProfile.Parse(b), ["CAP_KILL"], new("amd64", 6, 1)), typeof(FormatException)),
        new("user namespace record", [new IdRange(65536, 65536).ToJson()], b => IdRange.TryParse(b)),
        Text("subordinate ids", ["0: kubelet 65536 7208960\n"], t => IdPool.OfSubordinates(t, t, 65536), typeof(FormatException)),
        Text("sysctl pattern", ["net.ipv4.*", "kernel/msg*"], t => SysctlAllowlist.Create([t], new("amd64", 6, 1)), typeof(FormatException)),
        Text("mountinfo", ["36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"], t => MountInfo.Parse(t)),
        Text("/proc/PID/stat", ["42 (a) b) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 0 0"], t => ProcFs.ParseStartTime(t)),
        Text("/proc/PID/smaps", ["55d0c0000000-55d0c0100000 r-xp 00001000 fe:00 131 /usr/bin/a b\nRss: 800 kB\nAnonymous: 0 kB\n"], t => MappedRange.Parse(t.Split('\n')).Count(r => r.IsFileAlone)),
        new("watchdog period", [Utf8("30000000")], b => WatchdogPeriod.Parse(Encoding.UTF8.GetString(b), null, 1), typeof(FormatException)),
        Text("/proc/PID/cgroup", ["12:pids:/a\n0::/b:c\n"], t => ProcFs.ParseCgroups(t)),
        Text("exit file", ["code=0 signal=9 finished=1700000000000000000 oom=1 lost=0\n"], t => HolderExitFile.Parse(t)),
        new("cgroup file", [Utf8("usage_usec 123\nuser_usec 4\n"), Utf8("max\n"), Utf8("12345\n")], b => (CgroupText.Single(b), CgroupText.Keyed(b, "usage_usec"u8)).ToString()),
        new("pressure", [Utf8("some avg10=98.22 avg60=97.91 avg300=95.51 total=16081573400\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")], b => _ = Pressure.Parse(b)?.Some.TotalMicroseconds),
        new("log record", [Utf8("2016-10-06T00:17:09.669794202Z stdout F hello"), Utf8("2016-10-06T00:17:09Z stderr P:x part")], b => CriLogLine.TryParse(b, out _)),
        Text("log query", ["follow=true&sinceTime=2026-01-01T00:00:00Z&tailLines=3&limitBytes=9"], t => LogQuery.Parse(name => t.Split('&').FirstOrDefault(p => p.StartsWith(name, StringComparison.Ordinal))?[name.Length..].TrimStart('='), false), typeof(RefusedException)),
        Text("node log query", ["query=kubelet&sinceTime=2026-01-01T00:00:00Z&tailLines=3&boot=-1&pattern=x", "query=/pods/a.log"],
            t => NodeLogQuery.Parse(name => [.. t.Split('&').Where(p => p.StartsWith(name + "=", StringComparison.Ordinal)).Select(p => p[(name.Length + 1)..])], "")?.JournalArguments(), typeof(RefusedException)),
        Text("token of a WebSocket", ["base64url.bearer.authorization.k8s.io.YWJj, v5.channel.k8s.io"], t => BearerToken.Take(new Microsoft.AspNetCore.Http.HeaderDictionary { ["Sec-WebSocket-Protocol"] = t })),
        new("certificate subject", [Convert.FromHexString("3019310a3008060355040a0c0161310b3009060355040313026a6f")], b => CertificateSubject.Parse(b), typeof(CryptographicException)),
        new("block device statistics", [Utf8("8:0 rbytes=4096 wbytes=512 rios=3 wios=1\n"), Utf8("8:0 Read 4096\n8:0 Write 1\nTotal 2\n")], b => _ = DeviceIo.ParseStat(b).Length + DeviceIo.ParseThrottle(b, b).Length),
        Text("/proc/net/dev", ["  eth0:123 4 5 6 0 0 0 0 7 8 9 10 0 0 0 0\n"], t => InterfaceCounters.Parse(t)),
        new("runtime log", [Utf8("""{"level":"error","msg":"no such file","time":"t"}""" + "\n{\"msg\":\n")], b => RuncLog.LastError(b)),
        new("probe answer", [Utf8("HTTP/1.1 302 Found\r\nLocation: http://10.0.0.5/x\r\nContent-Length: 2\r\n\r\nok"), Utf8("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")],
            b => ParseAnswer(b), typeof(FormatException)),
        new("health answer", [new byte[] { 0, 0, 0, 0, 2, 8, 1 }, new byte[] { 0, 0, 0, 0, 6, 0x12, 2, 1, 1, 8, 1 }], b => HealthMessage.Answer(b), typeof(FormatException)),
        Text("probe verdicts", ["started=1 ready=0\n"], t => VerdictFile.Parse(t)),
        Text("pod note", ["begun 1700000000123\nover DeadlineExceeded Pod was active\n"], t => PodNote.Parse(t)),
        new("container record", [Utf8("""{"version":1,"id":"x","phase":"Running"}""")], b => ContainerRecord.TryParse(b)),
        new("sandbox record", [Utf8("""{"version":1,"id":"x","ips":["10.0.0.1"]}""")], b => SandboxRecord.TryParse(b)),
        new("network record", [Utf8("""{"version":1,"sandboxId":"x"}""")], b => NetworkRecord.TryParse(b)),
        new("image manifest", [Utf8("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:1111111111111111111111111111111111111111111111111111111111111111","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:1111111111111111111111111111111111111111111111111111111111111111","size":9}]}""")],
            b => ImageContent.ReadManifest(b, null), typeof(ImageFormatException)),
        new("image configuration", [Utf8("""{"architecture":"amd64","os":"linux","config":{"Env":["A=b"],"Cmd":["sh"],"User":"1"},"rootfs":{"type":"layers","diff_ids":["sha256:1111111111111111111111111111111111111111111111111111111111111111"]}}""")],
            b => ImageContent.ReadConfig(b), typeof(ImageFormatException)),
        new("image index", [Utf8($$$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{{{Digest}}}","size":2,"platform":{"os":"linux","architecture":"arm","variant":"v7"},"annotations":{"a":"b"}}]}""")],
            b => ImageContent.ReadManifest(b, "application/vnd.oci.image.index.v1+json"), typeof(ImageFormatException)),
        new("docker archive", [Utf8("""[{"Config":"c.json","RepoTags":["a:1"],"Layers":["x/layer.tar"]}]""")], b => ImageContent.ReadDockerArchive(b), typeof(ImageFormatException)),
        new("image record", [Utf8($$$"""{"version":1,"sequence":1,"id":"{{{Digest}}}","repoTags":["a/b:1"],"repoDigests":[],"layers":["{{{Digest}}}"],"blobs":[],"sizeBytes":1,"pinned":false,"config":{"entrypoint":[],"cmd":[],"env":[],"workingDir":"","user":"","stopSignal":"","volumes":[]}}"""),
            Utf8($$$"""{"version":1,"sequence":1,"id":"{{{Digest}}}","repoTags":["a/b:1"],"repoDigests":[null],"layers":["{{{Digest}}}"],"blobs":[],"sizeBytes":1,"pinned":false,"config":{"entrypoint":[],"cmd":[],"env":[],"workingDir":"","user":"","stopSignal":"","volumes":[]}}""")],
            b => StoredImage.TryParse(b)?.ToRecord()),
        new("layer record", [Utf8($$"""{"version":1,"chainId":"{{Digest}}","diffId":"{{Digest}}","parent":null,"entries":1,"bytes":1,"hidesLowers":false,"removed":["YQ=="],"opaque":[]}""")],
            b => StoredLayer.TryParse(b)?.Removals()),
        new("layer archive", [Archive()], ReadArchive, typeof(ImageFormatException)),
        Text("hosts.toml", ["server = \"https://r.test\"\n[host.\"https://m.test:5000/v2/p\"]\n  capabilities = [\"pull\", 'resolve']\n  client = [[\"c\", \"k\"]]\n  skip_verify = true\n  dial_timeout = \"10s\"\n[host.\"https://m.test:5000/v2/p\".header]\n  x-a = [\"\\u0041\"] # b\n"],
            t => NativeKubelet.Runtime.Images.Registry.HostsFile.Parse(t, "/etc/certs.d/r", "r.test"), typeof(TomlException)),
        new("docker config", [Utf8("""{"auths":{"https://r.test:5000/v2/a/":{"auth":"dXNlcjpwYXNz"},"*.b":{"username":"u","password":"p","identitytoken":"t"}}}""")],
            b => DockerConfig.Parse(b).Find("r.test:5000", "a/b"), typeof(FormatException)),
        new("dockercfg", [Utf8("""{"r.test":{"auth":"dXNlcjpwYXNz","email":"e"}}""")], b => DockerConfig.ParseLegacy(b).Find("r.test", "a"), typeof(FormatException)),
        Text("authentication challenge", ["Bearer realm=\"https://t.test/token\",service=\"r\",scope=\"repository:a/b:pull,push\", Basic realm=x"], t => AuthChallenge.Parse([t, t])),
        new("registry token", [Utf8("""{"token":"abc","access_token":"def","expires_in":300,"issued_at":"2020-01-01T00:00:00Z"}""")],
            b => RegistryTokens.Read(b, new Uri("https://t.test/token")), typeof(RegistryFailure)),
        Text("proxy", ["http://u:p@proxy.test:3128 .internal,10.0.0.0/8,fd00::/8,*.x,a:80"], t =>
        {
            string[] parts = t.Split(' ', 2);
            ProxyRules rules = ProxyRules.Parse(parts[0], parts[0], parts[^1]);
            _ = rules.GetProxy(new Uri("https://10.1.2.3:80/")) ?? rules.GetProxy(new Uri("http://[fd00::1]/"));
        }),
        new("holder message", [HolderHello()], b => HolderMessage.Decode(b)),
        new("http request", [Utf8("GET /v1/pods?watch=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")], b => HttpRequest.TryParse(b, out _), typeof(HttpFormatException)),
        new("cni configuration", [Utf8("""{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"bridge","bridge":"b","ipam":{"type":"host-local"}},{"type":"portmap","capabilities":{"portMappings":true}}]}""")],
            b => CniNetworkConfig.Parse(b, single: false), typeof(CniConfigException)),
        new("cni answer", [Utf8("""{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/x"}],"ips":[{"address":"10.0.0.2/24","gateway":"10.0.0.1","interface":0}]}""")],
            b => CniAnswer.Typed(CniAnswer.ParseResult(b, "1.0.0")), typeof(CniAnswerException), typeof(System.Text.Json.JsonException)),
        new("cni failure", [Utf8("""{"cniVersion":"1.0.0","code":7,"msg":"no","details":"why"}""")], b => CniAnswer.Failure(b, b, "exit 1")),
        new("container log", [Utf8("2016-10-06T00:17:09.669794202Z stdout P hel\n2016-10-06T00:17:09.669794203Z stderr F x\n2016-10-06T00:17:10Z stdout F lo\n")], ReadLog),
        Text("runtime version", ["runc version 1.3.0-rc.3+ds1\ncommit: x\n"], t => _ = OciRuntimeVersion.Parse(t)?.Advisories),
        Text("machine", ["0-3,8", "MemTotal: 12 kB\nMemFree: 3 kB\n", "CapEff:\t000001ffffffffff\n", "         0          0 4294967295\n", "nodev\tproc\n\text4\n"],
            t => (MachineText.CpuCount(t), MachineText.Kibibytes(t, "MemTotal:"), MachineText.Mask(t, "CapEff:"), MachineText.IsFirstUserNamespace(t), MachineText.HasFileSystem(t, "ext4")).ToString()),
        Text("cgroup mounts", ["30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n31 20 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"], t => CgroupLayout.Detect(t), typeof(IOException)),
        new("inotify", [[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, .. "name.yaml\0\0\0\0\0\0\0"u8]], b => FileEvent.Parse(b)),
        new("netlink", [[32, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, .. new byte[16]], ChainMessage(), FlowMessage()], ReadNetlink),
        .. ClusterTargets.All,
        .. StreamTargets.All,
    ];

    private static Target Text(string name, string[] corpus, Action<string> parse, params Type[] refusals) =>
        new(name, [.. corpus.Select(Utf8)], b => parse(Encoding.UTF8.GetString(b)), refusals);

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static void ParseConfiguration(byte[] bytes)
    {
        foreach (YamlDocument document in YamlDocuments.Read(bytes))
            if (JsonNode.Parse(document.Json.Span) is JsonObject tree) ConfigFile.Decode(tree);
    }

    private static void ParseAnswer(byte[] bytes)
    {
        HttpAnswer? answer = HttpAnswer.Parse(bytes, closed: true);
        new HttpGet(false, "10.0.0.5", 80, "/", null, new([])).Follow(answer?.Location ?? "", 0);
    }

    // Resolving reads files that the flags name; only what needs none is tried.
    private static void OptionsOf(ParsedFlags flags)
    {
        if (flags.Text("config").Length == 0 && flags.Text("config-dir").Length == 0) OptionsResolver.Resolve(flags);
    }

    private static void ReadArchive(byte[] bytes)
    {
        using MemoryStream stream = new(bytes);
        using TarReader reader = new(stream, LayerLimits.Default);
        while (reader.Next() is not null)
            while (!reader.Read().IsEmpty) { }
        reader.Drain();
    }

    private static void ReadTexts(DBusMessage message)
    {
        for (DBusReader body = message.Read(); !body.AtEnd;) body.String();
    }

    private static void ReadNetlink(byte[] bytes)
    {
        foreach (NetlinkMessage message in new NetlinkMessages(bytes))
        {
            _ = NetworkLink.Parse(message);
            _ = InterfaceAddress.Parse(message);
            _ = NetworkRoute.Parse(message);
            _ = message.Explanation;
            _ = TrackedFlow.Parse(message);
            _ = NftSocket.ParseDropping(message);
            _ = NftChanges.IsLoss(message, 7, "nativekubelet_nk0");
        }
    }

    private static byte[] ChainMessage()
    {
        NetlinkWriter writer = new();
        writer.Message(Nft.Subsystem << 8 | Nft.NewChain, NetlinkFlags.Multipart, 1).Fixed(NftBatch.Envelope(2, 0))
            .Text(Nft.ChainTable, "filter").Text(Nft.ChainName, "FORWARD").NetworkNumber(Nft.ChainPolicy, Nft.Drop);
        using (writer.Inside(Nft.ChainHook)) writer.NetworkNumber(Nft.HookNumber, (uint)NftHook.Forward);
        writer.End();
        return writer.Written.ToArray();
    }

    private static byte[] FlowMessage()
    {
        NetlinkWriter writer = new();
        writer.Message(Flows.Subsystem << 8 | Flows.New, NetlinkFlags.Multipart, 1).Fixed(NftBatch.Envelope(2, 0));
        foreach (ushort direction in (ushort[])[Flows.Original, Flows.Reply])
            using (writer.Inside(direction))
            {
                using (writer.Inside(Flows.Addresses)) writer.Attribute(1, [10, 0, 0, 1]).Attribute(2, [10, 0, 0, 2]);
                using (writer.Inside(Flows.Ports)) writer.Byte(1, 17).Attribute(3, [0, 53]);
            }
        writer.Number(Flows.Identity, 9);
        writer.End();
        return writer.Written.ToArray();
    }

    private static void ReadLog(byte[] bytes)
    {
        using LogLines lines = new(Stream.Null, new(Timestamps: true, Since: DateTimeOffset.UnixEpoch));
        foreach (byte[] record in Split(bytes)) lines.Add(record);
        lines.End();
    }

    private static IEnumerable<byte[]> Split(byte[] bytes)
    {
        for (int start = 0; start < bytes.Length;)
        {
            int end = Array.IndexOf(bytes, (byte)'\n', start);
            if (end < 0) end = bytes.Length;
            yield return bytes[start..end];
            start = end + 1;
        }
    }

    private static byte[] HolderHello() => new HolderMessageWriter(HolderMessageType.Hello).Text(HolderTag.Id, "container").Number(HolderTag.Pid, 42).Finish(7).ToArray();

    private static byte[] Archive()
    {
        using MemoryStream stream = new();
        using (System.Formats.Tar.TarWriter writer = new(stream, System.Formats.Tar.TarEntryFormat.Pax, leaveOpen: true))
        {
            writer.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.Directory, "bin/"));
            writer.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.RegularFile, "bin/" + new string('x', 150),
                new Dictionary<string, string> { ["SCHILY.xattr.user.a"] = "b" })
            { DataStream = new MemoryStream(new byte[700]) });
            writer.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.SymbolicLink, "bin/sh") { LinkName = "busybox" });
        }
        return stream.ToArray();
    }
}
