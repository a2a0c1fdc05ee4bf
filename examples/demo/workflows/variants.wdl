version 1.0

# The shape of variant calling, small enough for any machine: each sample is compared with a reference, and the
# calls of all samples are gathered. It makes its own data and needs only a shell and awk.
workflow variants {
  input {
    Array[String] samples = ["NA12878", "NA12891", "NA12892"]
    Int bases = 2000
  }
  call make_reference { input: bases = bases }
  scatter (sample in samples) {
    call sequence { input: sample = sample, reference = make_reference.fasta }
    call call_variants { input: sample = sample, reads = sequence.reads, reference = make_reference.fasta }
  }
  call gather { input: calls = call_variants.vcf }
  output {
    File cohort = gather.vcf
    Array[File] per_sample = call_variants.vcf
    Int sites = gather.sites
  }
}

task make_reference {
  input { Int bases }
  command <<<
    awk -v n=~{bases} 'BEGIN { srand(1); print ">chr1"
      for (i = 1; i <= n; i++) printf "%s%s", substr("ACGT", 1 + int(4 * rand()), 1), (i % 60 && i < n) ? "" : "\n" }' > reference.fa
  >>>
  output { File fasta = "reference.fa" }
  runtime { docker: "debian:12-slim"  cpu: 1  memory: "1 GiB" }
}

task sequence {
  input { String sample  File reference }
  command <<<
    # The same sample differs from the reference at the same places, each time.
    seed=$(printf '%s' ~{sample} | cksum | cut -d' ' -f1)
    awk -v seed="$seed" 'BEGIN { srand(seed % 65536) }
      !/^>/ { for (i = 1; i <= length($0); i++) { c = substr($0, i, 1)
        if (rand() < 0.002) c = substr("CGTA", index("ACGT", c), 1); printf "%s", c } print "" }' ~{reference} > reads.txt
  >>>
  output { File reads = "reads.txt" }
  runtime { docker: "debian:12-slim"  cpu: 1  memory: "1 GiB" }
}

task call_variants {
  input { String sample  File reads  File reference }
  command <<<
    grep -v '^>' ~{reference} | paste -d' ' - ~{reads} | awk -v sample=~{sample} '
      BEGIN { OFS = "\t"; print "#CHROM", "POS", "REF", "ALT", "SAMPLE" }
      { for (i = 1; i <= length($1); i++) { at++; r = substr($1, i, 1); a = substr($2, i, 1)
        if (r != a) print "chr1", at, r, a, sample } }' > ~{sample}.vcf
  >>>
  output { File vcf = "~{sample}.vcf" }
  runtime { docker: "debian:12-slim"  cpu: 2  memory: "2 GiB" }
}

task gather {
  input { Array[File] calls }
  command <<<
    head -1 ~{calls[0]} > cohort.vcf
    cat ~{sep=" " calls} | grep -v '^#' | sort -k2,2n -k5,5 >> cohort.vcf
    grep -vc '^#' cohort.vcf > sites
  >>>
  output {
    File vcf = "cohort.vcf"
    Int sites = read_int("sites")
  }
  runtime { docker: "debian:12-slim"  cpu: 1  memory: "1 GiB" }
}
